import { RecordLog } from "#session/machine/record-log.js";
import type { Transport } from "#session/transport-port.js";
import { hold } from "./violation.js";

/** How much of a log may wait for a fellow that is slow. */
const PIECE_BYTES = 16_384;

/**
 * Two sessions that go in step, to which everything goes that a session sends as what many get: what they make of the block that all
 * of them have must not be seen by it, nor by them what it makes of that.
 */
export class FellowSessions {
  readonly #logs: readonly RecordLog[];
  /** What left by reference, and how it looked then. */
  #left: { readonly block: Uint8Array; readonly before: Uint8Array }[] = [];
  #turns = 0;
  readonly #transport: Pick<Transport, "send" | "sendShared"> = {
    send() {},
    sendShared: (block) => this.#left.push({ block, before: new Uint8Array(block) }),
  };

  constructor() {
    const host = { allocate: (byteLength: number) => new Uint8Array(byteLength) };
    this.#logs = [new RecordLog(host as never, PIECE_BYTES), new RecordLog(host as never, PIECE_BYTES)];
  }

  append(record: Uint8Array): void {
    for (const log of this.#logs) log.appendShared(record);
  }

  /** A turn ends: they write before the session does, or behind it, or a turn later. */
  turn(flush: () => void): void {
    const turn = this.#turns++ % 3;
    for (const log of this.#logs) void log.head; // what came in this turn becomes a block
    if (turn === 0) this.#write();
    flush();
    if (turn === 1) this.#write();
    for (const { block, before } of this.#left)
      hold(Buffer.compare(block, before) === 0, "a block that left by reference does not change");
  }

  #write(): void {
    this.#left = [];
    for (const log of this.#logs) {
      while (log.writeTo(this.#transport as Transport, 7));
      log.confirm(log.last);
    }
  }
}
