import { MAX_HEADER_BYTES } from "./frame-header.js";
import { applyMask, NON_ASCII_BITS, readMaskKey, rotateMaskKey } from "./mask.js";
import { MASK_BIT } from "./opcode.js";

/** What a {@link FrameParser} tells about the frames it finds. Each answer says whether to go on. */
export interface FrameSink {
  /** A header is complete. Called before any byte of the payload is waited for, so that limits cost nothing. */
  frameHeader(firstByte: number, masked: boolean, payloadLength: number): boolean;
  /**
   * A piece of the payload, unmasked in place: `bytes[start, end)`, empty for an empty frame. `isAscii` may be
   * false for ASCII too, where finding out would cost time. `last` ends the frame.
   */
  framePayload(bytes: Uint8Array, start: number, end: number, isAscii: boolean, last: boolean): boolean;
  /** The length of a frame breaks RFC 6455 §5.2. */
  frameLengthInvalid(code: LengthProblem): void;
}

/** What can be wrong with the length of a frame. */
export type LengthProblem = "NON_MINIMAL_LENGTH" | "LENGTH_OVERFLOW";

const IN_HEADER = -1;

/**
 * Finds frames in a stream of bytes that is cut anywhere (RFC 6455 §5.2). It knows lengths and masks; what a
 * frame may contain is for the {@link FrameSink} to judge. It unmasks inside the chunk and hands out ranges of it.
 */
export class FrameParser {
  #remaining = IN_HEADER;
  #firstByte = 0;
  #payloadLength = 0;
  #headerLength = 0;
  #isMasked = false;
  #maskKey = 0;
  #lengthProblem: LengthProblem | undefined = undefined;
  /** A header that was cut; only then does this cost memory. */
  #carry: Uint8Array | undefined = undefined;
  #carryLength = 0;

  /** Whether the last byte seen was the last of a frame. */
  get isBetweenFrames(): boolean {
    return this.#remaining === IN_HEADER && this.#carryLength === 0;
  }

  /**
   * Reads `bytes` from `position` on. Returns where it stopped: the end, or behind the frame header or payload
   * at which the sink said so; the rest can be given again later.
   */
  parse(bytes: Uint8Array, position: number, sink: FrameSink): number {
    const end = bytes.length;
    let at = position;
    while (at < end) {
      if (this.#remaining === IN_HEADER) {
        at = this.#carryLength > 0 ? this.#readCutHeader(bytes, at) : this.#readWholeHeader(bytes, at);
        if (this.#headerLength === 0) return end;
        if (this.#lengthProblem !== undefined) {
          sink.frameLengthInvalid(this.#lengthProblem);
          return at;
        }
        this.#remaining = this.#payloadLength;
        if (!sink.frameHeader(this.#firstByte, this.#isMasked, this.#payloadLength)) return at;
      }
      const until = Math.min(end, at + this.#remaining);
      const length = until - at;
      let isAscii = false;
      if (this.#isMasked && length > 0) {
        isAscii = (applyMask(bytes, at, until, this.#maskKey) & NON_ASCII_BITS) === 0;
      }
      const start = at;
      at = until;
      const last = length === this.#remaining;
      if (last) {
        this.#remaining = IN_HEADER;
      } else {
        this.#remaining -= length;
        this.#maskKey = rotateMaskKey(this.#maskKey, length);
        if (length === 0) return at;
      }
      if (!sink.framePayload(bytes, start, until, isAscii, last)) return at;
    }
    return at;
  }

  #readWholeHeader(bytes: Uint8Array, position: number): number {
    this.#headerLength = 0;
    if (this.#readHeader(bytes, position, bytes.length - position)) return position + this.#headerLength;
    this.#carry ??= new Uint8Array(MAX_HEADER_BYTES);
    this.#carry.set(bytes.subarray(position));
    this.#carryLength = bytes.length - position;
    return bytes.length;
  }

  #readCutHeader(bytes: Uint8Array, position: number): number {
    const carry = this.#carry!;
    this.#headerLength = 0;
    let at = position;
    while (at < bytes.length) {
      carry[this.#carryLength++] = bytes[at++]!;
      if (this.#readHeader(carry, 0, this.#carryLength)) {
        this.#carryLength = 0;
        this.#carry = undefined;
        break;
      }
    }
    return at;
  }

  /** Reads the header if all of it is there. */
  #readHeader(bytes: Uint8Array, position: number, available: number): boolean {
    if (available < 2) return false;
    const second = bytes[position + 1]!;
    const isMasked = (second & MASK_BIT) !== 0;
    let length = second & 0x7f;
    let headerLength = 2;
    if (length >= 126) headerLength = length === 126 ? 4 : 10;
    const keyPosition = position + headerLength;
    if (isMasked) headerLength += 4;
    if (available < headerLength) return false;

    this.#lengthProblem = undefined;
    if (length === 126) {
      length = (bytes[position + 2]! << 8) | bytes[position + 3]!;
      if (length < 126) this.#lengthProblem = "NON_MINIMAL_LENGTH";
    } else if (length === 127) {
      const high = readUint32(bytes, position + 2);
      length = high * 0x1_0000_0000 + readUint32(bytes, position + 6);
      // The high word is judged before it takes part in any sum: 2^53 and above would lose bits.
      if (high > 0x1f_ffff) this.#lengthProblem = "LENGTH_OVERFLOW";
      else if (length < 65_536) this.#lengthProblem = "NON_MINIMAL_LENGTH";
    }
    this.#firstByte = bytes[position]!;
    this.#isMasked = isMasked;
    this.#maskKey = isMasked ? readMaskKey(bytes, keyPosition) : 0;
    this.#payloadLength = length;
    this.#headerLength = headerLength;
    return true;
  }
}

function readUint32(bytes: Uint8Array, position: number): number {
  return (
    ((bytes[position]! << 24) |
      (bytes[position + 1]! << 16) |
      (bytes[position + 2]! << 8) |
      bytes[position + 3]!) >>>
    0
  );
}
