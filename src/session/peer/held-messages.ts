/** A message that waits. */
interface HeldMessage {
  readonly data: string | Uint8Array;
  readonly id: Uint8Array | undefined;
  readonly byteLength: number;
}

/**
 * What came on a channel while its receiver was busy. It is not more than the window of the channel: what waits here is not
 * taken, so the sender stops.
 */
export class HeldMessages {
  /** Whether what comes is to wait. */
  isHeld = false;
  /** Whether the channel was closed behind what waits. */
  isClosed = false;
  #messages: HeldMessage[] = [];
  #at = 0;

  /** Another one. */
  push(data: string | Uint8Array, id: Uint8Array | undefined, byteLength: number): void {
    this.#messages.push({ data, id, byteLength });
  }

  /** The next one; undefined if there is none. */
  shift(): HeldMessage | undefined {
    const message = this.#messages[this.#at++];
    if (this.#at < this.#messages.length) return message;
    this.#messages = [];
    this.#at = 0;
    return message;
  }
}
