import { MAX_BLOCK_BYTES } from "./packet-type.js";
import { varintLength, writeVarint } from "./varint.js";

/** Before the fields: room for what stands before the body of a packet. */
const HEADER_ROOM = 4;
/** What is written here is sent or copied before the next thing is. */
const scratch: Uint8Array = new Uint8Array(MAX_BLOCK_BYTES + HEADER_ROOM);

/**
 * Numbers as varints, and bytes as they are, one behind the other: the body of a packet or a control record. What is returned is
 * valid until the next call.
 */
export function encodeFields(fields: readonly (number | Uint8Array)[]): Uint8Array {
  let at = HEADER_ROOM;
  for (const field of fields) {
    if (typeof field === "number") at = writeVarint(scratch, at, field);
    else {
      scratch.set(field, at);
      at += field.length;
    }
  }
  return scratch.subarray(HEADER_ROOM, at);
}

/** A packet, of any kind but `data` (§3). Valid until the next call. */
export function encodePacket(type: number, fields: readonly (number | Uint8Array)[]): Uint8Array {
  const { length } = encodeFields(fields);
  const start = HEADER_ROOM - 1 - varintLength(length);
  scratch[start] = type;
  writeVarint(scratch, start + 1, length);
  return scratch.subarray(start, HEADER_ROOM + length);
}
