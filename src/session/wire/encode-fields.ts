import { MAX_VARINT_BYTES, writeVarint } from "./varint.js";

/** Numbers as varints, and bytes as they are, one behind the other: the body of a packet or a control record. */
export function encodeFields(fields: readonly (number | Uint8Array)[]): Uint8Array {
  let length = 0;
  for (const field of fields) length += typeof field === "number" ? MAX_VARINT_BYTES : field.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const field of fields) {
    if (typeof field === "number") at = writeVarint(bytes, at, field);
    else {
      bytes.set(field, at);
      at += field.length;
    }
  }
  return bytes.subarray(0, at);
}

/** A packet, of any kind but `data` (§3). */
export function encodePacket(type: number, fields: readonly (number | Uint8Array)[]): Uint8Array {
  const body = encodeFields(fields);
  return encodeFields([new Uint8Array([type]), body.length, body]);
}
