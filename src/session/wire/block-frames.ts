import { MAX_BLOCK_BYTES } from "./packet-type.js";
import { writeVarint } from "./varint.js";

/** The most that stands before a block in a stream of bytes. */
export const MAX_BLOCK_HEADER_BYTES = 3;

/** Writes what stands before a block of `byteLength` bytes in a stream (§2.2): its length. Returns where it ends. */
export function writeBlockHeader(bytes: Uint8Array, position: number, byteLength: number): number {
  return writeVarint(bytes, position, byteLength);
}

/** Takes the blocks of a {@link BlockSplitter}. Returns false to get no more of them. */
export type TakeBlock = (bytes: Uint8Array, start: number, end: number) => boolean;

/**
 * Finds the blocks in a stream of bytes, however that is cut: a streamed response, the body of a POST. It holds the part of
 * one block, at most 64 KiB; a block that lies whole in what was pushed is not copied.
 */
export class BlockSplitter {
  readonly #take: TakeBlock;
  readonly #hasFiller: boolean;
  #length = 0;
  #lengthBytes = 0;
  #part: Uint8Array | undefined;
  #filled = 0;
  #isEnded = false;

  /** @param hasFiller whether a length of 0 is skipped, as in a streamed answer (§2.4.2), instead of being wrong. */
  constructor(take: TakeBlock, hasFiller = false) {
    this.#take = take;
    this.#hasFiller = hasFiller;
  }

  /** Whether the stream may end here: no block is half there. */
  get isBetweenBlocks(): boolean {
    return this.#part === undefined && this.#lengthBytes === 0;
  }

  /** Takes more of the stream. False once it is wrong: a length of 0, above 64 KiB, or longer than it need be. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    while (at < end && !this.#isEnded) {
      if (this.#part === undefined) {
        const byte = bytes[at++]!;
        if (byte === 0 && this.#hasFiller && this.#lengthBytes === 0) continue;
        this.#length |= (byte & 0x7f) << (7 * this.#lengthBytes++);
        if (byte >= 0x80 && this.#lengthBytes < MAX_BLOCK_HEADER_BYTES) continue;
        if (byte >= 0x80 || byte === 0 || this.#length > MAX_BLOCK_BYTES) return this.#fail();
        const length = this.#length;
        this.#lengthBytes = this.#length = 0;
        if (end - at < length) {
          this.#part = new Uint8Array(length);
          this.#filled = 0;
        } else {
          if (!this.#take(bytes, at, at + length)) this.#isEnded = true;
          at += length;
        }
      } else {
        const part = this.#part;
        const count = Math.min(part.length - this.#filled, end - at);
        part.set(bytes.subarray(at, at + count), this.#filled);
        at += count;
        this.#filled += count;
        if (this.#filled === part.length) {
          this.#part = undefined;
          if (!this.#take(part, 0, part.length)) this.#isEnded = true;
        }
      }
    }
    return !this.#isEnded;
  }

  #fail(): false {
    this.#isEnded = true;
    return false;
  }
}
