import { Buffer, constants as bufferConstants } from "node:buffer";
import { type InputType, inflateRawSync, type ZlibOptions } from "node:zlib";
import type { InflateContext, InflateFailure } from "../../protocol/engine-host.js";
import { asBuffer } from "../as-buffer.js";
import { KeptInflate } from "./kept-inflate.js";
import { KeptStreams, type RepeatedKeeper } from "./kept-streams.js";
import { SlidingWindow } from "./sliding-window.js";
import { hasSyncZlib, SyncZlib, type SyncZlibStep } from "./sync-zlib.js";
import { dictionaryBlock, hasDictionaries } from "./zlib-dictionary.js";

/** What a message leaves out (RFC 7692 §7.2.2). */
const TAIL: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** The tail and an empty last block. Only if zlib finds its end there was the message whole. */
const END: Buffer = Buffer.concat([TAIL, Buffer.from([0x01, 0x00, 0x00, 0xff, 0xff])]);
/** A byte more, which zlib takes only if it did not find the end. */
const END_AND_MORE: Buffer = Buffer.concat([END, Buffer.alloc(1)]);
/**
 * The most blocks with BFINAL=1 in one message. Each costs a zlib state of its own, some 0.1 ms, and a peer only two
 * bytes; senders that use them at all (RFC 7692 §7.2.3.4) set one a message, or one a fragment.
 */
const MAX_FINAL_BLOCKS = 32;
/** A stream for a message in pieces: zlib's window of 32 KiB and some 7 KiB of tables, and Node's object. */
const STREAM_BYTES = 48 * 1024;
/** 56 MiB at most. */
const kept = new KeptStreams(512);

/**
 * The other direction (RFC 7692 §7.2.2). Whole messages take one call of zlib with the window as
 * dictionary, or go through a stream that is kept while they follow each other closely. A message in pieces takes a
 * stream which lives as long as the message does.
 */
export class ZlibInflateContext implements InflateContext, RepeatedKeeper {
  readonly isIncremental: boolean = hasSyncZlib;
  readonly #windowBits: number;
  /** Empty while there is a kept stream, which has it. */
  readonly #window: SlidingWindow;
  /** Kept from message to message. */
  #keptStream: KeptInflate | undefined = undefined;
  /** Inflates the message of which not all has come. */
  #stream: SyncZlib | undefined = undefined;
  /** How many blocks with BFINAL=1 the current message had. */
  #finalBlocks = 0;
  isOutputFresh = false;
  hasBeenUsed = false;
  isInUse = false;

  constructor(windowBits: number) {
    this.#windowBits = windowBits;
    this.#window = new SlidingWindow(windowBits);
  }

  get heldBytes(): number {
    return (
      this.#window.capacity +
      (this.#stream === undefined ? 0 : STREAM_BYTES) +
      (this.#keptStream === undefined ? 0 : KeptInflate.bytes)
    );
  }

  inflate(bytes: Uint8Array, last: boolean, maxOutputBytes: number): Uint8Array | InflateFailure {
    this.isOutputFresh = true;
    if (!last || this.#stream !== undefined) {
      this.letGo();
      return this.#inflateBlocks(bytes, last, maxOutputBytes, []);
    }
    const stream = this.#keptStream ?? this.#openKeptStream();
    return stream === undefined
      ? this.#inflateBlocks(bytes, true, maxOutputBytes, [])
      : this.#inflateOn(stream, bytes, maxOutputBytes);
  }

  reset(): void {
    this.letGo();
    this.#window.clear();
  }

  dispose(): void {
    this.#closeStream();
    this.reset();
  }

  letGo(): void {
    const stream = this.#keptStream;
    if (stream === undefined) return;
    kept.remove(this);
    this.#window.append(stream.window);
    stream.close();
    this.#keptStream = undefined;
    this.hasBeenUsed = false;
  }

  #openKeptStream(): KeptInflate | undefined {
    if (!hasSyncZlib || !kept.admitRepeated(this)) return undefined;
    this.#keptStream = new KeptInflate(this.#windowBits, this.#window.bytes);
    this.#window.clear();
    return this.#keptStream;
  }

  #inflateOn(stream: KeptInflate, bytes: Uint8Array, maxOutputBytes: number): Uint8Array | InflateFailure {
    this.isInUse = true;
    const step = stream.inflate(bytes, maxOutputBytes);
    if (typeof step === "string") return step;
    if (step.isWhole) {
      this.isOutputFresh = step.isFresh;
      return step.output;
    }
    // A block had BFINAL set (RFC 7692 §7.2.3.4): this stream has ended, and what is left goes on with the same window.
    this.letGo();
    if (step.consumed === bytes.length) return step.output; // and what it lies in is nobody's any more
    this.#finalBlocks = 1;
    const left = maxOutputBytes - step.output.length;
    return this.#inflateBlocks(bytes.subarray(step.consumed), true, left, [step.output]);
  }

  #inflateBlocks(
    bytes: Uint8Array,
    last: boolean,
    maxOutputBytes: number,
    outputs: Buffer[],
  ): Uint8Array | InflateFailure {
    const inPieces = !last || this.#stream !== undefined;
    const input = last ? Buffer.concat([bytes, inPieces ? END_AND_MORE : END]) : asBuffer(bytes);
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
    return outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs);
  }

  #inflatePiece(input: Buffer, maxBytes: number): SyncZlibStep | InflateFailure {
    this.#stream ??= new SyncZlib("inflate", {
      windowBits: this.#windowBits,
      dictionary: this.#window.bytes,
    });
    return this.#stream.write(input, maxBytes);
  }

  #inflateWhole(input: Buffer, maxBytes: number): SyncZlibStep | InflateFailure {
    const dictionary = this.#window.bytes;
    const block = dictionary.length > 0 && !hasDictionaries ? dictionaryBlock(dictionary) : undefined;
    const ahead = block === undefined ? 0 : dictionary.length;
    try {
      const { buffer, engine } = inflateRawInfo(block === undefined ? input : Buffer.concat([block, input]), {
        windowBits: this.#windowBits,
        // zlib checks the limit while it inflates, so that a bomb is never whole in memory. 0 would be no limit.
        maxOutputLength: Math.min(Math.max(1, maxBytes) + ahead, bufferConstants.MAX_LENGTH),
        ...(block === undefined && dictionary.length > 0 && { dictionary }),
      });
      const output = block === undefined ? buffer : buffer.subarray(ahead);
      const consumed = engine.bytesWritten - (block?.length ?? 0);
      return output.length > maxBytes ? "too-big" : { output, consumed };
    } catch (error) {
      return isTooLarge(error) ? "too-big" : "invalid";
    }
  }

  #closeStream(): void {
    this.#stream?.close();
    this.#stream = undefined;
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
