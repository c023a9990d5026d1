import type { ByteQueue } from "../../core/byte-queue.js";

/** A channel as its receiver sees it. The fields are the session's to change, but for `data`. */
export class IncomingChannel {
  /** Its name; empty for the one that every session has. */
  readonly name: string;
  /** Its number on the wire. */
  readonly number: number;
  /** Whether it was refused: what still comes is skipped. */
  isRefused = false;
  /** Yours: what the layer above keeps with it, such as who takes its messages. */
  data: unknown = undefined;
  /** @internal How much came, each message counting 64 more. */
  received = 0;
  /** @internal How much of it was taken. */
  taken = 0;
  /** @internal How much may come. */
  limit: number;
  /** @internal The message that is not complete. */
  parts: ByteQueue | undefined = undefined;
  /** @internal The first byte of its first record. */
  head = 0;
  /** @internal Its id. */
  id: Uint8Array | undefined = undefined;

  /** @internal Made by the session. */
  constructor(name: string, number: number, limit: number) {
    this.name = name;
    this.number = number;
    this.limit = limit;
  }
}
