import { isUtf8 } from "node:buffer";
import { type MessageOpcode, Opcode } from "../../protocol/opcode.js";

/** A broadcast on its way to the other nodes. */
export interface BroadcastEnvelope {
  /** Which server it came from: {@link SENDER_BYTES} bytes. */
  readonly sender: Uint8Array;
  readonly opcode: MessageOpcode;
  /** Whether it may be compressed; undefined leaves that to the receiver. */
  readonly compress: boolean | undefined;
  readonly payload: Uint8Array;
}

/** How long the name of a server is: random, so that two never have the same. */
export const SENDER_BYTES = 16;

/** Says what the bytes are, and in which version: other things may be published to the same topic. */
const MARK = [0x68, 0x77, 0x01] as const; // "hw", 1
const FLAGS_AT = MARK.length;
const SENDER_AT = FLAGS_AT + 1;
const PAYLOAD_AT = SENDER_AT + SENDER_BYTES;

const TEXT = 0b001;
const COMPRESS_IS_SET = 0b010;
const COMPRESS = 0b100;
const ALL_FLAGS = TEXT | COMPRESS_IS_SET | COMPRESS;

/** The bytes that are published: mark, flags, sender, payload. */
export function encodeEnvelope({ sender, opcode, compress, payload }: BroadcastEnvelope): Uint8Array {
  const bytes = Buffer.allocUnsafe(PAYLOAD_AT + payload.length);
  bytes.set(MARK);
  bytes[FLAGS_AT] =
    (opcode === Opcode.text ? TEXT : 0) |
    (compress === undefined ? 0 : COMPRESS_IS_SET) |
    (compress === true ? COMPRESS : 0);
  bytes.set(sender, SENDER_AT);
  bytes.set(payload, PAYLOAD_AT);
  return bytes;
}

/**
 * Reads what a broker brought; undefined if it is no broadcast of ours, or text that is not UTF-8, for which clients would
 * fail their connections (RFC 6455 §8.1). Never throws.
 */
export function decodeEnvelope(bytes: unknown): BroadcastEnvelope | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.length < PAYLOAD_AT) return undefined;
  if (MARK.some((byte, index) => bytes[index] !== byte)) return undefined;
  const flags = bytes[FLAGS_AT]!;
  if ((flags & ~ALL_FLAGS) !== 0) return undefined;
  const payload = bytes.subarray(PAYLOAD_AT);
  const isText = (flags & TEXT) !== 0;
  if (isText && !isUtf8(payload)) return undefined;
  return {
    sender: bytes.subarray(SENDER_AT, PAYLOAD_AT),
    opcode: isText ? Opcode.text : Opcode.binary,
    compress: (flags & COMPRESS_IS_SET) === 0 ? undefined : (flags & COMPRESS) !== 0,
    payload,
  };
}
