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
  #messages: (HeldMessage | undefined)[] = [];
  #at = 0;

  /** Another one. */
  push(data: string | Uint8Array, id: Uint8Array | undefined, byteLength: number): void {
    this.#messages.push({ data, id, byteLength });
  }

  /** The next one; undefined if there is none. */
  shift(): HeldMessage | undefined {
    const message = this.#messages[this.#at];
    this.#messages[this.#at++] = undefined; // whoever was given it has it
    // There may always be some that wait: what was before them is let go of once it is half of the list.
    if (2 * this.#at >= this.#messages.length) {
      this.#messages.splice(0, this.#at);
      this.#at = 0;
    }
    return message;
  }
}
