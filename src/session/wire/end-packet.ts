import { encodePacket } from "./encode-fields.js";
import type { LEAVE_PACKET, RESET_PACKET } from "./packet-type.js";
import type { WireReader } from "./wire-reader.js";

/** The most that is said about why something ends, in bytes. */
export const MAX_REASON_BYTES = 96;

/** Why a transport or a session ends: the body of `reset` and `leave`, and of the record `end` (§4.5). */
export interface EndPacket {
  /** See `SessionCode`. */
  readonly code: number;
  /** How long to stay away at least, in ms. */
  readonly notBeforeMs: number;
  /** Over how long to spread those who come back, in ms: each waits for a random part of it, beyond `notBeforeMs`. */
  readonly spreadMs: number;
  /** In words, for people; UTF-8, not checked. */
  readonly reason: Uint8Array;
}

/** The fields of a body. A reason that is too long is cut off. */
export function endFields(
  code: number,
  reason: Uint8Array,
  notBeforeMs: number,
  spreadMs: number,
): (number | Uint8Array)[] {
  return [code, notBeforeMs, spreadMs, reason.subarray(0, MAX_REASON_BYTES)];
}

/** A packet `reset` or `leave` as a block of its own; also for a transport that has no session yet. */
export function endBlock(
  type: typeof RESET_PACKET | typeof LEAVE_PACKET,
  code: number,
  reason: Uint8Array,
  notBeforeMs = 0,
  spreadMs = 0,
): Uint8Array {
  return new Uint8Array(encodePacket(type, endFields(code, reason, notBeforeMs, spreadMs)));
}

/** Reads a body, which must be all that is left; whether it was right the reader says. */
export function readEnd(reader: WireReader): EndPacket {
  const code = reader.varint();
  const notBeforeMs = reader.varint();
  const spreadMs = reader.varint();
  const length = reader.end - reader.at;
  if (code < 4000 || code >= 4600 || length > MAX_REASON_BYTES) reader.fail();
  return { code, notBeforeMs, spreadMs, reason: reader.take(length) };
}
