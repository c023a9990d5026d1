import { LOAD_MASK, OPCODE } from "./load-frame.js";
import { varint } from "./session-varint.js";

/** The bytes of records as they are in a frame whose key begins with them. */
export function maskedRecords(parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts);
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= LOAD_MASK[i & 3]!;
  return bytes;
}

/** What a message is as a record (§5.1). */
export function messageRecord(payload: Uint8Array, opcode: number): Buffer {
  return Buffer.concat([Buffer.of(opcode === OPCODE.binary ? 1 : 0, ...varint(payload.length)), payload]);
}
