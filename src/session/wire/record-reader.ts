import { CHANNEL_BIT, CONTROL_RECORD, ID_BIT } from "./record-head.js";
import { WireReader } from "./wire-reader.js";

/** The longest id of a message, in bytes. */
export const MAX_ID_BYTES = 32;

/** Reads records, one behind the other (§5.1, §5.2). What is in `bytes[start, at)` is the payload or body of the last one. */
export class RecordReader extends WireReader {
  /** The first byte of the record. */
  head = 0;
  /** The channel of a message; 0 for one without. */
  channel = 0;
  /** The id of a message, if it has one. */
  id: Uint8Array | undefined = undefined;
  /** Where the payload or body begins. */
  start = 0;

  /** Goes to the next record. False if it does not end within the block, or has a varint that is not one. */
  next(): boolean {
    const head = this.bytes[this.at]!;
    this.head = head;
    this.at++;
    const isMessage = head < CONTROL_RECORD;
    this.channel = isMessage && (head & CHANNEL_BIT) !== 0 ? this.varint() : 0;
    this.id = isMessage && (head & ID_BIT) !== 0 ? this.field(MAX_ID_BYTES) : undefined;
    const length = this.varint();
    this.start = this.at;
    return this.skip(length);
  }
}
