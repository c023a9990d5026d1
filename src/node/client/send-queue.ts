/** What waits: a Blob to be read, or what was sent behind one. */
type Item = string | Uint8Array | Blob;

/**
 * Keeps the order of messages among which are Blobs. A Blob is read asynchronously, and what is sent meanwhile must
 * not overtake it. Empty as long as no Blob is sent.
 */
export class SendQueue {
  readonly #transmit: (data: string | Uint8Array, byteLength: number) => void;
  readonly #fail: (error: unknown) => void;
  readonly #items: { readonly data: Item; readonly byteLength: number }[] = [];
  #whenEmpty: (() => void) | undefined;

  /**
   * @param transmit sends a message whose turn has come.
   * @param fail a Blob cannot be read, because the file behind it has changed.
   */
  constructor(
    transmit: (data: string | Uint8Array, byteLength: number) => void,
    fail: (error: unknown) => void,
  ) {
    this.#transmit = transmit;
    this.#fail = fail;
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Adds a message. Its bytes must not change any more. */
  add(data: Item, byteLength: number): void {
    this.#items.push({ data, byteLength });
    if (this.#items.length === 1) void this.#work();
  }

  /** Calls `then` once nothing waits. */
  whenEmpty(then: () => void): void {
    if (this.isEmpty) then();
    else this.#whenEmpty = then;
  }

  async #work(): Promise<void> {
    try {
      for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
        const { data, byteLength } = item;
        this.#transmit(data instanceof Blob ? await bytesOf(data) : data, byteLength);
        this.#items.shift();
      }
      this.#whenEmpty?.();
    } catch (error) {
      this.#items.length = 0;
      this.#fail(error);
    }
  }
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}
