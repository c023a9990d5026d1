import { OPCODE } from "./load-frame.js";
import type { AnswerReader } from "./load-peer.js";

/** What the answers of a session have to look like. */
export interface ExpectedRecords {
  /** The messages, over and over. */
  readonly payloads: readonly Buffer[];
  /** The lengths of `payloads`. */
  readonly lengths: Int32Array;
  readonly isText: boolean;
  /** How many messages come before the first answer. They may be anything. */
  readonly greetings: number;
}

/** What the owner of a reader is told. */
export interface SessionListener {
  /** The session has begun. */
  welcome(windowBytes: number): void;
  /** The messages that come before the first answer are there. */
  greeted(): void;
  /** So many bytes may be sent in all (§6). */
  credit(limitBytes: number): void;
  /** The peer asks for a packet of pong (§4.4). */
  ping(payload: Buffer): void;
  /** The peer asks for a frame of pong. */
  pingFrame(payload: Buffer): void;
  /** The peer said goodbye. */
  close(code: number, reason: string): void;
}

/** The packets and records of docs/wire/session-v1.md, §3 and §5. */
const PACKET = { data: 1, welcome: 3, ack: 5, ping: 6, pong: 7, reset: 8, leave: 9 } as const;
const RECORD = { credit: 0x83, signal: 0x84, end: 0x85 } as const;
const BINARY_BIT = 0x01;
const CONTROL_BIT = 0x80;
const SKIPPABLE_PACKET = 0x80;
const SKIPPABLE_RECORD = 0x40;
const FINAL_BINARY = 0x80 | OPCODE.binary;
/** Every so many messages one is compared byte for byte; the first always is. */
const SAMPLE_EVERY = 256;
const NO_CODE = 1005;

/**
 * Counts the messages of a session on a WebSocket. Number, length and type are checked for every message, the content
 * for a sample.
 */
export class SessionReader implements AnswerReader {
  fault: string | undefined;
  /** The number of the last record that came. */
  received = 0;
  /** The bytes that came and count for the window (§6): payloads, and 64 more for each message. */
  countedBytes = 0;
  readonly #expected: ExpectedRecords;
  readonly #listener: SessionListener;
  readonly #head: number;
  /** A frame that is not whole yet. */
  #rest: Buffer | undefined;
  /** What is being read, and how far. */
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #next = 0;
  #untilSample = 1;
  #greetings: number;
  #isWelcome = false;

  constructor(expected: ExpectedRecords, listener: SessionListener) {
    this.#expected = expected;
    this.#listener = listener;
    this.#head = expected.isText ? 0 : BINARY_BIT;
    this.#greetings = expected.greetings;
  }

  push(chunk: Buffer, chunkEnd: number): number {
    let bytes = chunk;
    let end = chunkEnd;
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, chunk.subarray(0, chunkEnd)]);
      end = bytes.length;
      this.#rest = undefined;
    }
    let answers = 0;
    let at = 0;
    while (at < end && this.fault === undefined) {
      const payload = end - at < 2 ? 0 : payloadStart(bytes, at, end);
      const payloadEnd = payload + (payload === 0 ? 0 : payloadLength(bytes, at));
      if (payload === 0 || payloadEnd > end) {
        this.#rest = Buffer.from(bytes.subarray(at, end));
        break;
      }
      if ((bytes[at + 1]! & 0x80) !== 0) this.#fail("masks its frames");
      else if (bytes[at] === FINAL_BINARY) answers += this.#readBlock(bytes, payload, payloadEnd);
      else this.#readOther(bytes[at]!, bytes.subarray(payload, payloadEnd));
      at = payloadEnd;
    }
    return answers;
  }

  #readOther(first: number, payload: Buffer): void {
    if (first === (0x80 | OPCODE.ping)) this.#listener.pingFrame(payload);
    else if (first === (0x80 | OPCODE.close)) {
      const code = payload.length < 2 ? NO_CODE : payload.readUInt16BE(0);
      this.#listener.close(code, payload.toString("utf8", 2));
    } else if (first !== (0x80 | OPCODE.pong)) this.#fail("sent what is no block in one frame");
  }

  #readBlock(bytes: Buffer, start: number, end: number): number {
    this.#bytes = bytes;
    this.#at = start;
    while (this.#at < end && this.fault === undefined) {
      const type = bytes[this.#at++]!;
      if (type === PACKET.data) return this.#readRecords(end);
      const length = this.#varint();
      const from = this.#at;
      if (from + length > end) this.#fail("sent a packet that does not end in its block");
      else this.#readPacket(type, bytes.subarray(from, from + length));
      this.#at = from + length;
    }
    return 0;
  }

  #readPacket(type: number, body: Buffer): void {
    if (type === PACKET.welcome) {
      this.#varint(); // the version, of which we know one
      this.#varint(); // what it received: nothing
      this.#isWelcome = true;
      this.#listener.welcome(this.#varint());
      if (this.#greetings === 0 && this.fault === undefined) this.#listener.greeted();
    } else if (type === PACKET.ping) this.#listener.ping(body);
    else if (type === PACKET.reset || type === PACKET.leave) this.#readEnd(body.length);
    else if (type !== PACKET.ack && type !== PACKET.pong && (type & SKIPPABLE_PACKET) === 0) {
      this.#fail(`sent a packet of the unknown type ${type}`);
    }
  }

  /** Code, not before, spread, reason (§4.5). */
  #readEnd(length: number): void {
    const end = this.#at + length;
    const code = this.#varint();
    this.#varint();
    this.#varint();
    this.#listener.close(code, this.#bytes.toString("utf8", this.#at, end));
  }

  #readRecords(end: number): number {
    const bytes = this.#bytes;
    const { lengths } = this.#expected;
    this.#varint(); // what it received
    const first = this.#varint();
    if (!this.#isWelcome) this.#fail("sent messages before its welcome");
    else if (first !== this.received + 1) this.#fail(`sent record ${first} behind ${this.received}`);
    let answers = 0;
    while (this.#at < end && this.fault === undefined) {
      const head = bytes[this.#at++]!;
      const length = this.#varint();
      const from = this.#at;
      this.#at = from + length;
      if (this.#at > end) this.#fail("sent a record that does not end in its block");
      else if ((head & CONTROL_BIT) !== 0) this.#readControl(head, from, length);
      else {
        this.countedBytes += length + 64;
        if (this.#greetings > 0) {
          if (--this.#greetings === 0) this.#listener.greeted();
        } else {
          if (head !== this.#head) this.#fail("answered with a message of another kind");
          else if (length !== lengths[this.#next])
            this.#fail(`answered a message of ${lengths[this.#next]} bytes with one of ${length}`);
          else if (--this.#untilSample <= 0) {
            this.#untilSample = SAMPLE_EVERY;
            const wanted = this.#expected.payloads[this.#next]!;
            if (bytes.compare(wanted, 0, length, from, this.#at) !== 0)
              this.#fail("answered with something else");
          }
          this.#next = this.#next + 1 === lengths.length ? 0 : this.#next + 1;
          answers++;
        }
      }
      this.received++;
    }
    return this.fault === undefined ? answers : 0;
  }

  #readControl(head: number, from: number, length: number): void {
    const after = this.#at;
    this.#at = from;
    if (head === RECORD.credit) {
      this.#varint(); // the channel, of which we have one
      this.#listener.credit(this.#varint());
    } else if (head === RECORD.end) this.#readEnd(length);
    else if (head !== RECORD.signal && (head & SKIPPABLE_RECORD) === 0) {
      this.#fail(`sent a control record of the kind ${head}`);
    }
    this.#at = after;
  }

  /** The varint that is next; what does not end makes what follows wrong, and is found there. */
  #varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
      byte = bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
    }
    return value;
  }

  #fail(what: string): void {
    this.fault ??= `the peer ${what}`;
  }
}

/** Where the payload of a frame begins; 0 if its header is not there as a whole. A mask is refused anyway. */
function payloadStart(bytes: Buffer, at: number, end: number): number {
  const length = bytes[at + 1]! & 127;
  const start = at + (length < 126 ? 2 : length === 126 ? 4 : 10);
  return start > end ? 0 : start;
}

function payloadLength(bytes: Buffer, at: number): number {
  const length = bytes[at + 1]! & 127;
  if (length < 126) return length;
  return length === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
}
