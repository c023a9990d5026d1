import { MAX_BLOCK_BYTES } from "./packet-type.js";
import { varintLength, writeVarint } from "./varint.js";

/** Numbers as varints, and bytes as they are; nothing for what is undefined. */
export type Fields = readonly (number | Uint8Array | undefined)[];

/** Before the fields: room for what stands before the body of a packet. */
export const HEADER_ROOM = 4;
/** What is written here is sent or copied before the next thing is. */
export const scratch: Uint8Array = new Uint8Array(MAX_BLOCK_BYTES + HEADER_ROOM);

/** Writes fields one behind the other into {@link scratch}; returns where they end. */
export function writeFields(fields: Fields, position: number = HEADER_ROOM): number {
  let at = position;
  for (const field of fields) {
    if (typeof field === "number") at = writeVarint(scratch, at, field);
    else if (field !== undefined) {
      scratch.set(field, at);
      at += field.length;
    }
  }
  return at;
}

/** Fields one behind the other: the body of a packet or a control record. What is returned is valid until the next call. */
export function encodeFields(fields: Fields): Uint8Array {
  return scratch.subarray(HEADER_ROOM, writeFields(fields));
}

/** Fields one behind the other, to keep. */
export function bodyOf(fields: Fields): Uint8Array {
  return new Uint8Array(encodeFields(fields));
}

/** A packet, of any kind but `data` (§3). Valid until the next call. */
export function encodePacket(type: number, fields: Fields): Uint8Array {
  const { length } = encodeFields(fields);
  const start = HEADER_ROOM - 1 - varintLength(length);
  scratch[start] = type;
  writeVarint(scratch, start + 1, length);
  return scratch.subarray(start, HEADER_ROOM + length);
}
