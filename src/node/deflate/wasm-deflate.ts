import { Buffer } from "node:buffer";
import { DeflateMemory, MAX_BLOCK_BYTES, OUTPUT_AT, SLOT_WINDOW_BYTES } from "./deflate-memory.js";

/** How many streams there may be at once: 40 MiB. */
export const MAX_WASM_STREAMS = 512;

let current: DeflateMemory | undefined;

/** Undefined where there is none, or no address space for one. */
function memory(): DeflateMemory | undefined {
  try {
    return (current ??= new DeflateMemory(MAX_WASM_STREAMS));
  } catch {
    return undefined;
  }
}

/** A raw DEFLATE stream of our own, in WebAssembly, which keeps its window and finds what is in it. */
export class WasmDeflate {
  readonly #memory: DeflateMemory;
  readonly #slot: number;
  readonly #windowBytes: number;
  /** The window is `slot[oldest, position)`; of more than it may be, only the end is used. */
  #oldest = 0;
  #position = 0;

  private constructor(memory: DeflateMemory, slot: number, windowBits: number) {
    this.#memory = memory;
    this.#slot = slot;
    this.#windowBytes = 2 ** windowBits;
  }

  /** A stream that goes on behind `window`; undefined where there is no memory for one. Has to be closed. */
  static open(windowBits: number, window: Uint8Array): WasmDeflate | undefined {
    const own = memory();
    const slot = own?.takeSlot();
    if (own === undefined || slot === undefined) return undefined;
    const stream = new WasmDeflate(own, slot, windowBits);
    stream.#setWindow(window);
    return stream;
  }

  /** Deflates one message behind `window`, without a stream; undefined where there is no memory for that. */
  static once(windowBits: number, window: Uint8Array, bytes: Uint8Array): Buffer | undefined {
    const own = memory();
    if (own === undefined) return undefined;
    const stream = new WasmDeflate(own, own.sharedSlot, windowBits);
    stream.#setWindow(window);
    return stream.write(bytes);
  }

  /** The end of what was written, as far as it may be referred to. Valid until the next call. */
  get window(): Uint8Array {
    const length = Math.min(this.#windowBytes, this.#position - this.#oldest);
    const end = this.#slot + this.#position;
    return this.#memory.bytes.subarray(end - length, end);
  }

  /** Deflates a message, flushed: the result ends with 00 00 FF FF, and is the caller's to keep. */
  write(bytes: Uint8Array): Buffer {
    this.#memory.exports.begin();
    if (bytes.length <= MAX_BLOCK_BYTES) return Buffer.from(this.#writeBlock(bytes, true));
    const outputs: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += MAX_BLOCK_BYTES) {
      const isLast = at + MAX_BLOCK_BYTES >= bytes.length;
      outputs.push(Buffer.from(this.#writeBlock(bytes.subarray(at, at + MAX_BLOCK_BYTES), isLast)));
    }
    return Buffer.concat(outputs);
  }

  /** The same of a text that is not empty, encoded where it is deflated; undefined if it may be too long for that. */
  writeText(text: string): Buffer | undefined {
    let room = 3 * text.length; // a UTF-16 unit is at most three bytes of UTF-8
    let encoding: BufferEncoding = "utf8";
    if (room > MAX_BLOCK_BYTES) {
      room = Buffer.byteLength(text);
      if (room > MAX_BLOCK_BYTES) return undefined;
      if (room === text.length) encoding = "latin1"; // ASCII, and so the same in both
    }
    this.#makeRoom(room);
    const from = this.#slot + this.#position;
    const length = this.#memory.bytes.write(text, from, this.#slot + SLOT_WINDOW_BYTES - from, encoding);
    this.#memory.exports.begin();
    return Buffer.from(this.#deflate(length, true));
  }

  /** Forgets the window. */
  clear(): void {
    this.#oldest = this.#position;
  }

  /** Gives its memory back; it is of no use any more. */
  close(): void {
    this.#memory.giveBackSlot(this.#slot);
    if (current === this.#memory && current.isAbandoned) current = undefined;
  }

  #setWindow(window: Uint8Array): void {
    this.#memory.bytes.set(window, this.#slot);
    this.#position = window.length;
    this.#memory.exports.prime(this.#slot, 0, window.length);
  }

  #writeBlock(bytes: Uint8Array, isLast: boolean): Uint8Array {
    this.#makeRoom(bytes.length);
    this.#memory.bytes.set(bytes, this.#slot + this.#position);
    return this.#deflate(bytes.length, isLast);
  }

  /** What stands behind the window becomes a part of it. The result is where the next block is written to. */
  #deflate(length: number, isLast: boolean): Uint8Array {
    const { exports, bytes: memory } = this.#memory;
    const from = this.#position;
    const until = from + length;
    this.#position = until;
    const last = isLast ? 1 : 0;
    const end = exports.deflate(this.#slot, from, until, this.#oldest, this.#windowBytes, last);
    return memory.subarray(OUTPUT_AT, end);
  }

  #makeRoom(bytes: number): void {
    if (this.#position + bytes <= SLOT_WINDOW_BYTES) return;
    const length = Math.min(this.#windowBytes, this.#position - this.#oldest);
    // What the hash table knows may point anywhere: the module looks at what is there.
    if (length > 0) this.#memory.exports.slide(this.#slot, this.#position - length, length);
    this.#oldest = 0;
    this.#position = length;
  }
}

/**
 * Whether there is WebAssembly with SIMD, found out by using it. The environment variable is for the tests of the other
 * way, and for doubts.
 */
export const hasWasmDeflate: boolean = process.env["HAWSER_PLAIN_IO"] === undefined && memory() !== undefined;
