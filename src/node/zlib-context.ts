import { constants as bufferConstants } from "node:buffer";
import { constants, deflateRawSync, type InputType, inflateRawSync, type ZlibOptions } from "node:zlib";
import type { DeflateContext, InflateContext, InflateFailure } from "../protocol/engine-host.js";
import { asBuffer } from "./as-buffer.js";
import { canInflateIncrementally, IncrementalInflate, type InflateStep } from "./incremental-inflate.js";

/** zlib cannot deflate raw data with a window of 256 bytes; with 512 it refers back 250 bytes at most, which fits. */
const MIN_ZLIB_WINDOW_BITS = 9;
/**
 * Behind a message: the tail that it left out (RFC 7692 §7.2.2), and an empty last block. Only if zlib finds its end there
 * was the message whole.
 */
const END: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff]);
/** A byte more, which zlib takes only if it did not find the end. */
const END_AND_MORE: Buffer = Buffer.concat([END, Buffer.alloc(1)]);
/**
 * The most blocks with BFINAL=1 in one message. Each costs a zlib state of its own, some 0.1 ms, and a peer only two
 * bytes; senders that use them at all (RFC 7692 §7.2.3.4) set one a message, or one a fragment.
 */
const MAX_FINAL_BLOCKS = 32;
/** A stream of zlib: its window of 32 KiB and its tables (zlib's own figure is 32 KiB and some 7 KiB), and Node's object. */
const INFLATE_STATE_BYTES = 48 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Deflates with one call of zlib a message; between two messages only the window is kept, as the dictionary of the
 * next (RFC 7692 §7.2.1). A connection that was idle since holds what it sent last, 32 KiB at most, and no zlib state,
 * which is some 220 KiB.
 */
export class ZlibDeflateContext implements DeflateContext {
  readonly #options: ZlibOptions;
  #window: SlidingWindow;

  constructor(windowBits: number) {
    this.#window = new SlidingWindow(windowBits);
    this.#options = {
      windowBits: Math.max(windowBits, MIN_ZLIB_WINDOW_BITS),
      finishFlush: constants.Z_SYNC_FLUSH,
      // Level 1 takes a third of the time of level 6 and gives up some 10 % of size on JSON.
      level: constants.Z_BEST_SPEED,
    };
  }

  get heldBytes(): number {
    return this.#window.bytes.length;
  }

  deflate(bytes: Uint8Array): Uint8Array {
    const dictionary = this.#window.bytes;
    const options = dictionary.length === 0 ? this.#options : { ...this.#options, dictionary };
    const deflated = deflateRawSync(bytes, options);
    this.#window.append(bytes);
    return deflated;
  }

  reset(): void {
    this.#window.clear();
  }

  dispose(): void {
    this.#window.clear();
  }
}

/**
 * The other direction of {@link ZlibDeflateContext}. Whole messages take one call of zlib with the window as dictionary.
 * A message in pieces takes a stream of zlib, which lives as long as the message does.
 */
export class ZlibInflateContext implements InflateContext {
  readonly isIncremental: boolean = canInflateIncrementally;
  readonly #windowBits: number;
  readonly #window: SlidingWindow;
  /** Inflates the message of which not all has come. */
  #stream: IncrementalInflate | undefined = undefined;
  /** How many blocks with BFINAL=1 the current message had. */
  #finalBlocks = 0;

  constructor(windowBits: number) {
    this.#windowBits = windowBits;
    this.#window = new SlidingWindow(windowBits);
  }

  get heldBytes(): number {
    return this.#window.bytes.length + (this.#stream === undefined ? 0 : INFLATE_STATE_BYTES);
  }

  inflate(bytes: Uint8Array, last: boolean, maxOutputBytes: number): Uint8Array | InflateFailure {
    const inPieces = !last || this.#stream !== undefined;
    const input = last ? Buffer.concat([bytes, inPieces ? END_AND_MORE : END]) : asBuffer(bytes);
    const outputs: Buffer[] = [];
    let total = 0;
    let position = 0;
    // More than one round only where a block has BFINAL set: what follows it goes on with the same window
    // (RFC 7692 §7.2.3.4).
    while (position < input.length) {
      const rest = input.subarray(position);
      const left = maxOutputBytes - total;
      const wasOpen = this.#stream !== undefined;
      const step = inPieces ? this.#inflatePiece(rest, left) : this.#inflateWhole(rest, left);
      if (typeof step === "string") return step;
      // A stream that takes nothing ended with the piece before; a new one that takes nothing never will.
      if (step.consumed === 0 && !wasOpen) return "invalid";
      outputs.push(step.output);
      total += step.output.length;
      position += step.consumed;
      this.#window.append(step.output);
      // It ended with what was appended, as it should, or with a last block that has BFINAL set.
      if (last && (position === bytes.length + END.length || position === bytes.length)) break;
      if (position === input.length) {
        if (last) return "invalid";
        break;
      }
      if (++this.#finalBlocks > MAX_FINAL_BLOCKS) return "too-big";
      this.#closeStream();
    }
    if (last) {
      this.#closeStream();
      this.#finalBlocks = 0;
    }
    return outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs, total);
  }

  reset(): void {
    this.#window.clear();
  }

  dispose(): void {
    this.#closeStream();
    this.#window.clear();
  }

  #inflatePiece(input: Buffer, maxBytes: number): InflateStep | InflateFailure {
    this.#stream ??= new IncrementalInflate(this.#windowBits, this.#window.bytes);
    return this.#stream.push(input, maxBytes);
  }

  #inflateWhole(input: Buffer, maxBytes: number): InflateStep | InflateFailure {
    const dictionary = this.#window.bytes;
    try {
      const { buffer, engine } = inflateRawInfo(input, {
        windowBits: this.#windowBits,
        // zlib checks the limit while it inflates, so that a bomb is never whole in memory. 0 would be no limit.
        maxOutputLength: Math.min(Math.max(1, maxBytes), bufferConstants.MAX_LENGTH),
        ...(dictionary.length > 0 && { dictionary }),
      });
      return buffer.length > maxBytes ? "too-big" : { output: buffer, consumed: engine.bytesWritten };
    } catch (error) {
      return isTooLarge(error) ? "too-big" : "invalid";
    }
  }

  #closeStream(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }
}

/** The last `2^windowBits` bytes of a stream: what a compressed message may refer back to. */
class SlidingWindow {
  readonly #size: number;
  #bytes: Buffer = NOTHING;

  constructor(windowBits: number) {
    this.#size = 2 ** windowBits;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const added = bytes.length > this.#size ? bytes.subarray(bytes.length - this.#size) : bytes;
    const kept = Math.min(this.#bytes.length, this.#size - added.length);
    // Never from the pool of small buffers: kept for long, it would pin a block of the pool, 64 KiB on Node 26.
    const window = Buffer.allocUnsafeSlow(kept + added.length);
    window.set(this.#bytes.subarray(this.#bytes.length - kept));
    window.set(added, kept);
    this.#bytes = window;
  }

  clear(): void {
    this.#bytes = NOTHING;
  }
}

/** `info: true` gives the engine beside the data, which tells how much input was used; the types leave it out. */
function inflateRawInfo(
  input: InputType,
  options: ZlibOptions,
): { buffer: Buffer; engine: { bytesWritten: number } } {
  const result: unknown = inflateRawSync(input, { ...options, info: true });
  return result as { buffer: Buffer; engine: { bytesWritten: number } };
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
