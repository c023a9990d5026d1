import { inflateRawSync, constants as zlib } from "node:zlib";
import { OPCODE } from "./load-frame.js";
import type { AnswerReader } from "./load-peer.js";

/** What answers have to look like. */
export interface ExpectedAnswers {
  /** The messages, over and over. */
  readonly payloads: readonly Buffer[];
  /** The lengths of `payloads`. */
  readonly lengths: Int32Array;
  readonly opcode: number;
  /** Whether frames are masked: those of a client, or our own that a TCP echo sends back. */
  readonly isMasked: boolean;
  /** Whether answers may be compressed. */
  readonly mayBeCompressed: boolean;
  /** How many messages come before the first answer, such as a welcome. They may be anything. */
  readonly greetings: number;
}

/** What the owner of a counter is told. */
export interface AnswerListener {
  /** The messages that come before the first answer are there. */
  greeted(): void;
  /** The peer sent a ping, which wants a pong. */
  ping(payload: Buffer): void;
  /** The peer said goodbye. Code 1005 stands for none (RFC 6455 §7.4.1). */
  close(code: number, reason: string): void;
}

/** Every so many messages one is compared byte for byte; the first always is. */
const SAMPLE_EVERY = 256;
const MAX_HEADER_BYTES = 14;
const MAX_CONTROL_BYTES = 125;
const NO_CODE = 1005;
const FLUSH_TAIL = Buffer.of(0, 0, 0xff, 0xff);

/**
 * Counts the messages of a peer by stepping from header to header. Length, type and order are checked for every message,
 * the content for a sample; of compressed messages the first is inflated and compared, the others are counted.
 */
export class AnswerCounter implements AnswerReader {
  fault: string | undefined;
  readonly #expected: ExpectedAnswers;
  readonly #listener: AnswerListener;
  /** The first byte of an answer in one frame that is not compressed. */
  readonly #plainStart: number;
  readonly #maskBit: number;
  readonly #maskBytes: number;
  /** A header cut by the end of a chunk. */
  readonly #header: Buffer = Buffer.alloc(MAX_HEADER_BYTES);
  #headerBytes = 0;
  /** Of the current frame. */
  #opcode = 0;
  #isFinal = false;
  #isInFrame = false;
  #leftBytes = 0;
  readonly #mask: Buffer = Buffer.alloc(4);
  #maskAt = 0;
  readonly #control: Buffer = Buffer.alloc(MAX_CONTROL_BYTES);
  #controlBytes = 0;
  /** Of the current message. */
  #isInMessage = false;
  #isCompressed = false;
  #messageBytes = 0;
  #isSample = false;
  #isDifferent = false;
  readonly #compressed: Buffer[] = [];

  #next = 0;
  #untilSample = 1;
  #greetings: number;
  #hasInflated = false;

  constructor(expected: ExpectedAnswers, listener: AnswerListener) {
    this.#expected = expected;
    this.#listener = listener;
    this.#greetings = expected.greetings;
    this.#plainStart = 0x80 | expected.opcode;
    this.#maskBit = expected.isMasked ? 0x80 : 0;
    this.#maskBytes = expected.isMasked ? 4 : 0;
  }

  push(bytes: Buffer, end: number = bytes.length): number {
    let answers = 0;
    let at = 0;
    while (at < end && this.fault === undefined) {
      if (!this.#isInFrame && this.#headerBytes === 0 && !this.#isInMessage && this.#greetings === 0) {
        // The fast way, for whole frames that are as they should be and not sampled.
        const { lengths } = this.#expected;
        const count = lengths.length;
        let next = this.#next;
        let untilSample = this.#untilSample;
        while (untilSample > 1 && end - at > 4 && bytes[at] === this.#plainStart) {
          // With the mask bit as it should be, this is the length, 126 or 127.
          const short = bytes[at + 1]! ^ this.#maskBit;
          const length = short < 126 ? short : short === 126 ? (bytes[at + 2]! << 8) | bytes[at + 3]! : -1;
          const after = at + (short < 126 ? 2 : 4) + this.#maskBytes + length;
          if (length !== lengths[next] || after > end) break;
          at = after;
          next = next + 1 === count ? 0 : next + 1;
          untilSample--;
          answers++;
        }
        this.#next = next;
        this.#untilSample = untilSample;
        if (at === end) break;
      }
      if (!this.#isInFrame) {
        at = this.#takeHeader(bytes, at, end);
        if (!this.#isInFrame) continue;
      }
      at = this.#takePayload(bytes, at, end);
      if (this.#leftBytes > 0) continue;
      this.#isInFrame = false;
      if (this.#opcode >= OPCODE.close) this.#endControl();
      else if (this.#isFinal && this.#endMessage()) answers++;
    }
    return answers;
  }

  /** Byte by byte: headers that come this way are few. */
  #takeHeader(bytes: Buffer, start: number, end: number): number {
    const header = this.#header;
    let at = start;
    while (at < end) {
      header[this.#headerBytes++] = bytes[at++]!;
      if (this.#headerBytes < 2) continue;
      const second = header[1]!;
      const lengthEnd = (second & 127) < 126 ? 2 : (second & 127) === 126 ? 4 : 10;
      if (this.#headerBytes < lengthEnd + (second & 0x80 ? 4 : 0)) continue;
      this.#leftBytes =
        lengthEnd === 2
          ? second & 127
          : lengthEnd === 4
            ? header.readUInt16BE(2)
            : Number(header.readBigUInt64BE(2));
      header.copy(this.#mask, 0, lengthEnd, lengthEnd + 4);
      this.#maskAt = 0;
      this.#headerBytes = 0;
      this.#beginFrame(header[0]!, (second & 0x80) !== 0);
      return at;
    }
    return at;
  }

  #beginFrame(first: number, isMasked: boolean): void {
    this.#isInFrame = true;
    this.#isFinal = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    const isCompressed = (first & 0x40) !== 0;
    const problem = this.#problemOfFrame((first & 0x30) !== 0, isCompressed, isMasked);
    if (problem !== undefined) {
      this.#fail(problem);
    } else if (this.#opcode >= OPCODE.close) {
      this.#controlBytes = 0;
    } else if (!this.#isInMessage) {
      this.#isInMessage = true;
      this.#isCompressed = isCompressed;
      this.#messageBytes = 0;
      this.#isDifferent = false;
      if (this.#greetings > 0) this.#isSample = false;
      else if (isCompressed) this.#isSample = !this.#hasInflated;
      else {
        this.#isSample = --this.#untilSample <= 0;
        if (this.#isSample) this.#untilSample = SAMPLE_EVERY;
      }
    }
  }

  #problemOfFrame(hasReservedBits: boolean, isCompressed: boolean, isMasked: boolean): string | undefined {
    const expected = this.#expected;
    if (isMasked !== expected.isMasked) return isMasked ? "masks its frames" : "does not mask its frames";
    if (hasReservedBits || (isCompressed && !expected.mayBeCompressed)) {
      return "sets reserved bits that were not agreed on";
    }
    if (this.#opcode >= OPCODE.close) {
      return this.#leftBytes > MAX_CONTROL_BYTES ? "sent a control frame that is too long" : undefined;
    }
    if (this.#isInMessage !== (this.#opcode === OPCODE.continuation)) {
      return this.#isInMessage ? "began a message within another" : "sent a continuation of nothing";
    }
    if (this.#isInMessage || this.#greetings > 0 || this.#opcode === expected.opcode) return undefined;
    return `answered ${opcodeName(expected.opcode)} with ${opcodeName(this.#opcode)}`;
  }

  #takePayload(bytes: Buffer, at: number, end: number): number {
    const length = Math.min(this.#leftBytes, end - at);
    this.#leftBytes -= length;
    if (length === 0) return at;
    if (this.#opcode >= OPCODE.close) {
      this.#plain(bytes, at, length).copy(this.#control, this.#controlBytes);
      this.#controlBytes += length;
    } else {
      if (this.#isSample) this.#check(this.#plain(bytes, at, length));
      this.#messageBytes += length;
    }
    this.#maskAt += length;
    return at + length;
  }

  /** A piece of payload without its mask; the bytes themselves where there is none. */
  #plain(bytes: Buffer, at: number, length: number): Buffer {
    const piece = bytes.subarray(at, at + length);
    if (!this.#expected.isMasked) return piece;
    return Buffer.from(piece.map((byte, index) => byte ^ this.#mask[(this.#maskAt + index) & 3]!));
  }

  #check(piece: Buffer): void {
    if (this.#isCompressed) {
      this.#compressed.push(Buffer.from(piece));
      return;
    }
    const offset = this.#messageBytes;
    const wanted = this.#expected.payloads[this.#next]!.subarray(offset, offset + piece.length);
    if (!wanted.equals(piece)) this.#isDifferent = true;
  }

  /** Whether it was an answer, and not a greeting. */
  #endMessage(): boolean {
    this.#isInMessage = false;
    if (this.#greetings > 0) {
      if (--this.#greetings === 0) this.#listener.greeted();
      return false;
    }
    const { lengths, payloads } = this.#expected;
    if (!this.#isCompressed && this.#messageBytes !== lengths[this.#next]) {
      this.#fail(`answered a message of ${lengths[this.#next]} bytes with one of ${this.#messageBytes}`);
      return false;
    }
    if (this.#isDifferent) {
      this.#fail("answered with something else");
      return false;
    }
    if (this.#isCompressed && this.#isSample) {
      this.#hasInflated = true;
      // The window of the peer is empty before the first message that it compresses.
      const content = inflated(Buffer.concat([...this.#compressed.splice(0), FLUSH_TAIL]));
      if (content?.equals(payloads[this.#next]!) !== true) {
        this.#fail(content === undefined ? "sent what cannot be inflated" : "answered with something else");
        return false;
      }
    }
    this.#next = this.#next + 1 === lengths.length ? 0 : this.#next + 1;
    return true;
  }

  #endControl(): void {
    const payload = this.#control.subarray(0, this.#controlBytes);
    if (this.#opcode === OPCODE.ping) this.#listener.ping(payload);
    else if (this.#opcode === OPCODE.close) {
      const code = payload.length < 2 ? NO_CODE : payload.readUInt16BE(0);
      this.#listener.close(code, payload.toString("utf8", 2));
    }
  }

  #fail(what: string): void {
    this.fault ??= `the peer ${what}`;
  }
}

function inflated(bytes: Buffer): Buffer | undefined {
  try {
    return inflateRawSync(bytes, { finishFlush: zlib.Z_SYNC_FLUSH });
  } catch {
    return undefined;
  }
}

function opcodeName(opcode: number): string {
  return opcode === OPCODE.text ? "text" : opcode === OPCODE.binary ? "binary" : `opcode ${opcode}`;
}
