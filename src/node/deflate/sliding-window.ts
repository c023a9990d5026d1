import { Buffer } from "node:buffer";

const NOTHING: Buffer = Buffer.alloc(0);
/** The first room: a connection that exchanges a few short messages should not pay for 32 KiB. */
const FIRST_BYTES = 1024;

/** The last `2^windowBits` bytes of a stream: what a compressed message may refer back to. */
export class SlidingWindow {
  readonly #size: number;
  /** A ring once it has its full size; before that it is filled from its start. */
  #ring: Buffer = NOTHING;
  #length = 0;
  /** Where the next byte goes. */
  #next = 0;

  constructor(windowBits: number) {
    this.#size = 2 ** windowBits;
  }

  /** The window, oldest byte first. Valid until the next call of {@link append}. */
  get bytes(): Buffer {
    if (this.#length < this.#ring.length || this.#next === 0) return this.#ring.subarray(0, this.#length);
    return Buffer.concat([this.#ring.subarray(this.#next), this.#ring.subarray(0, this.#next)]);
  }

  /** How much memory it takes. */
  get capacity(): number {
    return this.#ring.length;
  }

  /** What follows in the stream. Costs what is appended, not what there is. */
  append(bytes: Uint8Array): void {
    const added = bytes.length > this.#size ? bytes.subarray(bytes.length - this.#size) : bytes;
    if (added.length === 0) return;
    this.#makeRoom(this.#length + added.length);
    const atEnd = Math.min(added.length, this.#ring.length - this.#next);
    this.#ring.set(atEnd === added.length ? added : added.subarray(0, atEnd), this.#next);
    if (atEnd < added.length) this.#ring.set(added.subarray(atEnd), 0);
    this.#next = (this.#next + added.length) % this.#ring.length;
    this.#length = Math.min(this.#length + added.length, this.#ring.length);
  }

  /** Forgets everything. */
  clear(): void {
    this.#ring = NOTHING;
    this.#length = 0;
    this.#next = 0;
  }

  #makeRoom(wanted: number): void {
    const room = Math.min(wanted, this.#size);
    if (room <= this.#ring.length) return;
    const grown = Math.min(Math.max(FIRST_BYTES, room, 2 * this.#ring.length), this.#size);
    // Never from the pool of small buffers: kept for long, it would pin a block of the pool, 64 KiB on Node 26.
    const ring = Buffer.allocUnsafeSlow(grown);
    const before = this.bytes;
    ring.set(before);
    this.#ring = ring;
    this.#next = before.length % grown;
  }
}
