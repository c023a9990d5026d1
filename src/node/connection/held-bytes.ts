import { Buffer } from "node:buffer";

/** Received bytes that wait, since reading was paused before or among them. A copy: the chunk is used again. */
export class HeldBytes {
  #bytes: Buffer;
  #start = 0;
  #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#end = end - start;
    this.#bytes = Buffer.allocUnsafeSlow(this.#end);
    this.#bytes.set(bytes.subarray(start, end));
  }

  /** How many bytes wait. */
  get byteLength(): number {
    return this.#end - this.#start;
  }

  /** How much memory it takes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** More bytes behind those that wait. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const added = end - start;
    if (this.#end + added > this.#bytes.length) {
      // Twice the room, so that a peer that sends byte by byte does not make us copy all of it each time.
      const room = Buffer.allocUnsafeSlow(2 * (this.byteLength + added));
      room.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = room;
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#bytes.set(bytes.subarray(start, end), this.#end);
    this.#end += added;
  }

  /** Hands `take` what waits; what it does not take, as it says by the position it came to, goes on waiting. */
  give(take: (bytes: Uint8Array, start: number, end: number) => number): void {
    this.#start = take(this.#bytes, this.#start, this.#end);
  }
}
