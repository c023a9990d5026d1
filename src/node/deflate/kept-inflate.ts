import { Buffer } from "node:buffer";
import { constants } from "node:zlib";
import type { InflateFailure } from "../../protocol/engine-host.js";
import { allocateBytes } from "../allocate-bytes.js";
import { SyncZlib } from "./sync-zlib.js";

/** The largest window, and as much for what is inflated next: a window that reaches into both ends is never written over. */
const BUFFER_BYTES = 65_536;
/** How much is asked for at most. A little less than half: zlib may use some of the room behind what it gives out. */
const MOST_ROOM_BYTES: number = BUFFER_BYTES / 2 - 1_024;
/** From here on what is given out is a copy: whoever keeps it would copy it, or would keep what is written over. */
const COPY_FROM_BYTES: number = BUFFER_BYTES / 2;
/** How much longer a message may be than four times itself and the one before: beyond that it costs a copy. */
const LEAST_ROOM_BYTES = 1_024;
/** What zlib takes for its window of 32 KiB and its tables (its own figure is 32 KiB and some 7 KiB), and Node's object. */
const ZLIB_BYTES = 48 * 1024;
/** What a message leaves out (RFC 7692 §7.2.2). */
const TAIL_BYTES = 4;
/**
 * zlib, told to stop at the end of a block, takes just the tail behind a message that was whole, and more, or less, behind
 * one that was cut.
 */
const TAIL_AND_MORE: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff, 0x00]);
/** What five bytes may become: twenty references at most, each of two bits. */
const ofTail: Buffer = Buffer.allocUnsafeSlow(20 * 258);

/** What came of a message. */
export interface KeptInflateStep {
  /** Valid until the next message of the same stream, unless {@link isFresh}. */
  readonly output: Buffer;
  /** Whether the output lies in a buffer of its own. */
  readonly isFresh: boolean;
  readonly consumed: number;
  /** False: a block with BFINAL ended the stream, which is of no use any more. What was not consumed is to be inflated elsewhere. */
  readonly isWhole: boolean;
}

/**
 * Inflates messages that follow each other closely. zlib writes behind the window, which it could not give out itself when
 * the stream is closed: so what is short is not copied, and what is given out does not depend on what others inflate.
 */
export class KeptInflate {
  /** How much memory one takes. */
  static readonly bytes: number = BUFFER_BYTES + ZLIB_BYTES;
  readonly #zlib: SyncZlib;
  readonly #windowBytes: number;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #position = 0;
  /** Where it ended when it went on at the beginning of the buffer; 0 before that. */
  #wrappedAt = 0;
  /** How long the latest message was: the next one may be like it. */
  #latestBytes = 0;

  constructor(windowBits: number, window: Buffer) {
    this.#zlib = new SyncZlib("inflate", { windowBits, dictionary: window });
    this.#windowBytes = 2 ** windowBits;
    this.#append(window);
  }

  /** The end of what was inflated. */
  get window(): Buffer {
    const before = this.#windowBytes - this.#position;
    const recent = this.#buffer.subarray(Math.max(0, -before), this.#position);
    if (before <= 0 || this.#wrappedAt === 0) return recent;
    return Buffer.concat([this.#buffer.subarray(this.#wrappedAt - before, this.#wrappedAt), recent]);
  }

  inflate(bytes: Uint8Array, maxOutputBytes: number): KeptInflateStep | InflateFailure {
    const zlib = this.#zlib;
    const buffer = this.#buffer;
    let full: Buffer[] | undefined;
    let total = 0;
    let consumed = 0;
    this.#makeRoom(Math.min(4 * bytes.length + this.#latestBytes + LEAST_ROOM_BYTES, MOST_ROOM_BYTES));
    let start = this.#position;
    for (;;) {
      const written = zlib.writeTo(bytes, consumed, constants.Z_SYNC_FLUSH, buffer, this.#position);
      if (written < 0) return "invalid";
      consumed += zlib.consumed;
      total += written;
      if (total > maxOutputBytes) return "too-big";
      this.#position += written;
      // Room left means that the input is used up, or that the stream has ended.
      if (this.#position < BUFFER_BYTES) break;
      full ??= [];
      full.push(Buffer.from(buffer.subarray(start)));
      this.#makeRoom(MOST_ROOM_BYTES);
      start = this.#position;
    }
    this.#latestBytes = total;
    let output = buffer.subarray(start, this.#position);
    let isFresh = true;
    if (full !== undefined) output = Buffer.concat([...full, output], total);
    else if (total >= COPY_FROM_BYTES) output = copyOf(output);
    else isFresh = false;
    if (consumed < bytes.length) return { output, isFresh, consumed, isWhole: false };
    const more = zlib.writeTo(TAIL_AND_MORE, 0, constants.Z_BLOCK, ofTail, 0);
    if (more < 0) return "invalid";
    if (zlib.consumed === 0) return { output, isFresh, consumed, isWhole: false };
    if (zlib.consumed !== TAIL_BYTES) return "invalid";
    if (more > 0) {
      // A stored block may count the tail among its bytes: odd, but what appending it comes to.
      if (total + more > maxOutputBytes) return "too-big";
      output = Buffer.concat([output, ofTail.subarray(0, more)]);
      isFresh = true;
      this.#makeRoom(more);
      this.#append(ofTail.subarray(0, more));
    }
    return { output, isFresh, consumed, isWhole: true };
  }

  /** Frees the memory of zlib. */
  close(): void {
    this.#zlib.close();
  }

  #append(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  /** What is written over is older than the window, which reaches back into the end of the buffer. */
  #makeRoom(bytes: number): void {
    if (BUFFER_BYTES - this.#position >= bytes) return;
    this.#wrappedAt = this.#position;
    this.#position = 0;
  }
}

function copyOf(bytes: Buffer): Buffer {
  const copy = allocateBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
