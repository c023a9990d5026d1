import type { PacketType } from "./packet-type.js";
import { writeVarint } from "./varint.js";
import type { WireReader } from "./wire-reader.js";

/** The most that is said about why something ends, in bytes: so that the packet's length always takes one. */
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

/** The body, below 128 bytes. A reason that is too long is left out. */
export function endBody(code: number, reason: Uint8Array, notBeforeMs = 0, spreadMs = 0): Uint8Array {
  const body = new Uint8Array(26 + MAX_REASON_BYTES);
  let at = 0;
  for (const number of [code, notBeforeMs, spreadMs]) at = writeVarint(body, at, number);
  if (reason.length <= MAX_REASON_BYTES) {
    body.set(reason, at);
    at += reason.length;
  }
  return body.subarray(0, at);
}

/** A packet `reset` or `leave` as a block of its own; also for a transport that has no session yet. */
export function endBlock(
  type: typeof PacketType.reset | typeof PacketType.leave,
  code: number,
  reason: Uint8Array,
  notBeforeMs = 0,
  spreadMs = 0,
): Uint8Array {
  const body = endBody(code, reason, notBeforeMs, spreadMs);
  const block = new Uint8Array(2 + body.length);
  block[0] = type;
  block[1] = body.length;
  block.set(body, 2);
  return block;
}

/** Reads a body, which must be all that is left; whether it was right the reader says. */
export function readEnd(reader: WireReader): EndPacket {
  const code = reader.varint();
  const notBeforeMs = reader.varint();
  const spreadMs = reader.varint();
  if (code < 4000 || code >= 4600 || reader.end - reader.at > MAX_REASON_BYTES) reader.fail();
  return { code, notBeforeMs, spreadMs, reason: reader.take(reader.end - reader.at) };
}
