import { frameHeaderLength } from "../../protocol/frame-header.js";

/**
 * The `bufferedAmount` of a `WebSocket`: payload bytes that were given to `send` and are not with the operating system
 * yet. The connection counts what waits with its headers, so each message is remembered with both lengths.
 */
export class BufferedAmount {
  /** What waits for a Blob before it, or was given when the connection was not open: not with the connection. */
  #heldBytes = 0;
  readonly #messages: { readonly payloadBytes: number; readonly wireBytes: number }[] = [];
  #wireBytes = 0;
  #payloadBytes = 0;
  #isFresh = false;
  readonly #bufferedBytes: () => number;

  /** @param bufferedBytes how many bytes wait in the connection; Infinity where that says nothing any more. */
  constructor(bufferedBytes: () => number) {
    this.#bufferedBytes = bufferedBytes;
  }

  /** The value. */
  get value(): number {
    if (!this.#isFresh) this.#forgetSent();
    return this.#heldBytes + this.#payloadBytes;
  }

  /** The connection is gone: either all was sent before, or what waits now will always wait. */
  freeze(wasAllSent: boolean): void {
    if (!wasAllSent) this.#heldBytes += this.#payloadBytes;
    this.#payloadBytes = 0;
    this.#wireBytes = 0;
    this.#messages.length = 0;
  }

  /** A message was given to `send`, and not to the connection. */
  hold(payloadBytes: number): void {
    this.#heldBytes += payloadBytes;
  }

  /** A message that was held goes on its way: {@link sent} or {@link hold} follows. */
  unhold(payloadBytes: number): void {
    this.#heldBytes -= payloadBytes;
  }

  /** A message was given to the connection, whose buffer went from one length to the other for it. */
  sent(payloadBytes: number, bufferedBefore: number, bufferedAfter: number): void {
    const grown = bufferedAfter - bufferedBefore;
    // Where the buffer was flushed meanwhile, it is as long as it would be without compression.
    const wireBytes = grown > 0 ? grown : payloadBytes + frameHeaderLength(payloadBytes, true);
    this.#messages.push({ payloadBytes, wireBytes });
    this.#wireBytes += wireBytes;
    this.#payloadBytes += payloadBytes;
    // "This includes any text sent during the execution of the current task", on its way or not.
    if (this.#isFresh) return;
    this.#isFresh = true;
    setImmediate(() => {
      this.#isFresh = false;
      this.#forgetSent();
    });
  }

  #forgetSent(): void {
    const bufferedBytes = this.#bufferedBytes();
    let sentMessages = 0;
    for (const { payloadBytes, wireBytes } of this.#messages) {
      if (this.#wireBytes - wireBytes < bufferedBytes) break;
      this.#wireBytes -= wireBytes;
      this.#payloadBytes -= payloadBytes;
      sentMessages++;
    }
    this.#messages.splice(0, sentMessages);
  }
}
