import { sameBytes } from "../wire/same-bytes.js";
import { MAX_VARINT_BYTES, varintLength, writeVarint } from "../wire/varint.js";
import { WireReader } from "../wire/wire-reader.js";
import { NODE_NAME_BYTES, type RelayMessage, readRelayMessage } from "./relay-message.js";

/** Makes what proves that a node with the same key published `bytes` to `topic`: {@link MAC_BYTES} bytes. */
export type RelayMac = (topic: string, bytes: Uint8Array) => Uint8Array;

/** Bytes of the proof at the end of an envelope, where there is a key. */
export const MAC_BYTES = 16;
/** The longest envelope that is read, in bytes: an answer to a poll, and some blocks. Brokers take as much by default. */
export const MAX_ENVELOPE_BYTES = 1_048_576;

/** Says what the bytes are, and in which version: others may publish to the same topic. */
const MARK = [0x68, 0x77, 0x72, 0x01] as const; // "hwr", 1
const SENDER_AT = MARK.length;
const MESSAGES_AT = SENDER_AT + NODE_NAME_BYTES;
/** What is allocated first: most turns have one short message. */
const FIRST_BYTES = 512;

/** Gathers messages of one turn for one topic (`docs/wire/relay-v1.md` §2). */
export class EnvelopeWriter {
  readonly #allocate: (byteLength: number) => Uint8Array;
  readonly #sender: Uint8Array;
  #bytes: Uint8Array | undefined = undefined;
  #at = 0;

  constructor(allocate: (byteLength: number) => Uint8Array, sender: Uint8Array) {
    this.#allocate = allocate;
    this.#sender = sender;
  }

  /** How many bytes it holds; 0 if there is no message in it. */
  get byteLength(): number {
    return this.#at;
  }

  /** Adds a message: numbers as varints, bytes as they are, copied. */
  add(type: number, fields: readonly (number | Uint8Array)[]): void {
    let length = 0;
    for (const field of fields) length += typeof field === "number" ? varintLength(field) : field.length;
    const bytes = this.#room(1 + MAX_VARINT_BYTES + length);
    let at = this.#at;
    bytes[at++] = type;
    at = writeVarint(bytes, at, length);
    for (const field of fields) {
      if (typeof field === "number") at = writeVarint(bytes, at, field);
      else {
        bytes.set(field, at);
        at += field.length;
      }
    }
    this.#at = at;
  }

  /** What is to be published; the writer is empty again, and never changes these bytes. */
  take(topic: string, mac: RelayMac | undefined): Uint8Array {
    const bytes = mac === undefined ? this.#bytes! : this.#room(MAC_BYTES);
    const end = this.#at;
    this.#bytes = undefined;
    this.#at = 0;
    if (mac === undefined) return bytes.subarray(0, end);
    bytes.set(mac(topic, bytes.subarray(0, end)), end);
    return bytes.subarray(0, end + MAC_BYTES);
  }

  #room(byteLength: number): Uint8Array {
    const before = this.#bytes;
    if (before === undefined) {
      this.#bytes = this.#allocate(Math.max(FIRST_BYTES, MESSAGES_AT + byteLength + MAC_BYTES));
      this.#bytes.set(MARK);
      this.#bytes.set(this.#sender, SENDER_AT);
      this.#at = MESSAGES_AT;
    } else if (before.length - this.#at < byteLength) {
      this.#bytes = this.#allocate(Math.max(2 * before.length, this.#at + byteLength + MAC_BYTES));
      this.#bytes.set(before.subarray(0, this.#at));
    }
    return this.#bytes!;
  }
}

/** An envelope that was read: who sent it, and where its messages lie. */
export interface Envelope {
  readonly sender: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Reads what a broker brought on a topic; undefined if it is no envelope, or does not have the proof. Never throws. */
export function readEnvelope(bytes: unknown, topic: string, mac: RelayMac | undefined): Envelope | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.length > MAX_ENVELOPE_BYTES) return undefined;
  const end = bytes.length - (mac === undefined ? 0 : MAC_BYTES);
  if (end < MESSAGES_AT || MARK.some((byte, index) => bytes[index] !== byte)) return undefined;
  if (mac !== undefined && !sameBytes(mac(topic, bytes.subarray(0, end)), bytes.subarray(end)))
    return undefined;
  return { sender: bytes.subarray(SENDER_AT, MESSAGES_AT), start: MESSAGES_AT, end };
}

/** Hands over the messages of an envelope, up to the first that breaks a rule; then it returns false. */
export function readMessages(
  bytes: Uint8Array,
  { start, end }: Envelope,
  take: (message: RelayMessage) => void,
): boolean {
  let at = start;
  while (at < end) {
    const reader = new WireReader(bytes, at + 1, end);
    const length = reader.varint();
    const { at: body } = reader;
    if (!reader.skip(length)) return false;
    const message = readRelayMessage(bytes[at]!, bytes, body, body + length);
    if (message === undefined) return false;
    if (message !== null) take(message);
    at = body + length;
  }
  return true;
}
