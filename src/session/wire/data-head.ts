import { DATA_PACKET } from "./packet-type.js";
import { MAX_VARINT_BYTES, varintLength, writeVarint } from "./varint.js";

/** What stands before the records of a block, at most. */
export const MAX_DATA_HEAD_BYTES: number = 1 + 2 * MAX_VARINT_BYTES;

/**
 * Writes what stands before the records of a block (`docs/wire/session-v1.md` §5), so that it ends at `end`; returns where it
 * begins.
 * @param received the number of the last record that came from the other side.
 * @param first the number of the first of these records.
 */
export function writeDataHead(bytes: Uint8Array, end: number, received: number, first: number): number {
  const start = end - 1 - varintLength(received) - varintLength(first);
  bytes[start] = DATA_PACKET;
  writeVarint(bytes, writeVarint(bytes, start + 1, received), first);
  return start;
}
