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
  #isMasked = false;
  #maskKey = 0;
  /** A header that was cut; only then does this cost memory. */
  #carry: CutHeader | undefined = undefined;

  /** Whether the last byte seen was the last of a frame. */
  get isBetweenFrames(): boolean {
    return this.#remaining === IN_HEADER && this.#carry === undefined;
  }

  /**
   * Reads `bytes[position, end)`. Returns where it stopped: the end, or behind the frame header or payload
   * at which the sink said so; the rest can be given again later.
   */
  parse(bytes: Uint8Array, position: number, sink: FrameSink, end: number = bytes.length): number {
    let at = position;
    while (at < end) {
      if (this.#remaining === IN_HEADER) {
        at =
          this.#carry === undefined
            ? this.#readWholeHeader(bytes, at, end)
            : this.#readCutHeader(bytes, at, end);
        if (header.byteLength === 0) return end;
        if (header.problem !== undefined) {
          sink.frameLengthInvalid(header.problem);
          return at;
        }
        this.#remaining = header.payloadLength;
        this.#isMasked = header.isMasked;
        this.#maskKey = header.maskKey;
        if (!sink.frameHeader(header.firstByte, header.isMasked, header.payloadLength)) return at;
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

  #readWholeHeader(bytes: Uint8Array, position: number, end: number): number {
    const available = end - position;
    if (readHeader(bytes, position, available)) return position + header.byteLength;
    this.#carry = new CutHeader();
    this.#carry.bytes.set(bytes.subarray(position, end));
    this.#carry.length = available;
    return end;
  }

  #readCutHeader(bytes: Uint8Array, position: number, end: number): number {
    const carry = this.#carry!;
    let at = position;
    while (at < end) {
      carry.bytes[carry.length++] = bytes[at++]!;
      if (readHeader(carry.bytes, 0, carry.length)) {
        this.#carry = undefined;
        break;
      }
    }
    return at;
  }
}

/** The part of a header that has arrived. */
class CutHeader {
  readonly bytes: Uint8Array = new Uint8Array(MAX_HEADER_BYTES);
  length = 0;
}

/** What {@link readHeader} found. One for all parsers: it is used up before anything else can be read. */
const header = {
  /** 0 if it is not complete. */
  byteLength: 0,
  firstByte: 0,
  isMasked: false,
  maskKey: 0,
  payloadLength: 0,
  problem: undefined as LengthProblem | undefined,
};

/** Reads the header if all of it is there. */
function readHeader(bytes: Uint8Array, position: number, available: number): boolean {
  header.byteLength = 0;
  if (available < 2) return false;
  const second = bytes[position + 1]!;
  const isMasked = (second & MASK_BIT) !== 0;
  let length = second & 0x7f;
  let byteLength = 2;
  if (length >= 126) byteLength = length === 126 ? 4 : 10;
  const keyPosition = position + byteLength;
  if (isMasked) byteLength += 4;
  if (available < byteLength) return false;

  header.problem = undefined;
  if (length === 126) {
    length = (bytes[position + 2]! << 8) | bytes[position + 3]!;
    if (length < 126) header.problem = "NON_MINIMAL_LENGTH";
  } else if (length === 127) {
    const high = readUint32(bytes, position + 2);
    length = high * 0x1_0000_0000 + readUint32(bytes, position + 6);
    // The high word is judged before it takes part in any sum: 2^53 and above would lose bits.
    if (high > 0x1f_ffff) header.problem = "LENGTH_OVERFLOW";
    else if (length < 65_536) header.problem = "NON_MINIMAL_LENGTH";
  }
  header.firstByte = bytes[position]!;
  header.isMasked = isMasked;
  header.maskKey = isMasked ? readMaskKey(bytes, keyPosition) : 0;
  header.payloadLength = length;
  header.byteLength = byteLength;
  return true;
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
