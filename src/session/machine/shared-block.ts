import type { SharedPieces } from "../../core/shared-pieces.js";
import type { Transport } from "../transport-port.js";
import { MAX_DATA_HEAD_BYTES, writeDataHead } from "../wire/data-head.js";
import { MAX_BLOCK_BYTES } from "../wire/packet-type.js";

/** A block with a head of its own, until its transport has copied it. */
let scratch: Uint8Array | undefined;

/**
 * Records that many sessions keep and send, as one block: they lie in memory once. What differs are the numbers that stand before
 * them; where these are the same, too, as in sessions that go in step, the whole block is shared.
 */
export class SharedBlock {
  /** The records, behind room for the numbers: `bytes[start, bytes.length)`. They do not change. */
  readonly bytes: Uint8Array;
  readonly start: number = MAX_DATA_HEAD_BYTES;
  /** The numbers that stand before the records. */
  #received = -1;
  #first = -1;
  /** The block with these numbers, once they were the same twice: from then on they stay. */
  #whole: Uint8Array | undefined = undefined;

  private constructor(records: SharedPieces<SharedBlock>) {
    this.bytes = new Uint8Array(MAX_DATA_HEAD_BYTES + records.byteLength);
    records.copyTo(this.bytes, MAX_DATA_HEAD_BYTES);
  }

  /** The one of these records. */
  static of(records: SharedPieces<SharedBlock>): SharedBlock {
    return (records.whole ??= new SharedBlock(records));
  }

  /** Sends it: its first record has the number `first`, and what came has been received up to `received`. */
  sendTo(transport: Transport, received: number, first: number): void {
    const { bytes, start } = this;
    if (received === this.#received && first === this.#first) {
      this.#whole ??= bytes.subarray(writeDataHead(bytes, start, received, first));
      if (transport.sendShared !== undefined) transport.sendShared(this.#whole);
      else transport.send(this.#whole, 0, this.#whole.length);
    } else if (this.#whole === undefined) {
      this.#received = received;
      this.#first = first;
      transport.send(bytes, writeDataHead(bytes, start, received, first), bytes.length);
    } else {
      scratch ??= new Uint8Array(MAX_DATA_HEAD_BYTES + MAX_BLOCK_BYTES);
      scratch.set(bytes);
      transport.send(scratch, writeDataHead(scratch, start, received, first), bytes.length);
    }
  }
}
