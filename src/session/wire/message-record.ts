import { BINARY_BIT, ID_BIT } from "./record-head.js";
import { varintLength, writeVarint } from "./varint.js";

/** A message in one record, on the channel that every session has (`docs/wire/session-v1.md` §5.1). */
export function messageRecord(payload: Uint8Array, isText: boolean, id: Uint8Array | undefined): Uint8Array {
  const { length } = payload;
  const idBytes = id === undefined ? 0 : 1 + id.length;
  const record = new Uint8Array(1 + idBytes + varintLength(length) + length);
  record[0] = (isText ? 0 : BINARY_BIT) | (id === undefined ? 0 : ID_BIT);
  if (id !== undefined) {
    record[1] = id.length;
    record.set(id, 2);
  }
  record.set(payload, writeVarint(record, 1 + idBytes, length));
  return record;
}
