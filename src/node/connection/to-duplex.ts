import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { ConnectionError } from "../../core/hawser-error.js";
import { CloseCode } from "../../protocol/close-code.js";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import type { Connection } from "./connection.js";
import type { Message } from "./message-queue.js";

/** How {@link toDuplex} makes its stream. */
export interface DuplexOptions {
  /**
   * Whether a chunk is a message: text is read and written as strings, binary as bytes, and messages keep their bounds.
   * Default false: a stream of bytes, as what Node pipes mostly is. Then each write is one binary message, and text is
   * read as UTF-8.
   */
  readonly objectMode?: boolean | undefined;
}

/** How often to look whether somebody reads while the connection is closing. */
const LOOK_INTERVAL_MS = 50;

type Callback = (error?: Error | null) => void;

/**
 * The connection as a stream of Node, for `pipeline` and for libraries that want one. While it is not read, TCP is paused;
 * while the peer does not read, a write does not call back. Only where the endpoint has no `message` handler.
 *
 * WebSocket has no half-close, so `end()` closes the connection with 1000, behind all that was written; what the peer
 * sent before it answered is still read. Where the peer closes, reading ends; where the connection was lost, the stream
 * fails with the error of `closed`. `destroy()` drops the connection.
 *
 * @throws `UsageError` `INVALID_OPTION` where messages go to a handler.
 */
export function toDuplex(connection: Connection<unknown>, options: DuplexOptions = {}): Duplex {
  return new ConnectionDuplex(connection, options.objectMode ?? false);
}

class ConnectionDuplex extends Duplex {
  readonly #connection: Connection<unknown>;
  readonly #messages: AsyncIterator<Message, undefined>;
  readonly #isObjects: boolean;

  constructor(connection: Connection<unknown>, isObjects: boolean) {
    super({
      objectMode: isObjects,
      // Nothing ahead: what waits to be read is in the queue of the connection, which has a mark of its own.
      readableHighWaterMark: 0,
      // When the peer has closed there is nothing more to be written.
      allowHalfOpen: false,
    });
    this.#connection = connection;
    this.#messages = connection[Symbol.asyncIterator]();
    this.#isObjects = isObjects;
  }

  override _read(): void {
    this.#next().catch((error: unknown) => this.destroy(error as Error));
  }

  async #next(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#messages.next();
      if (done) break;
      const chunk = this.#isObjects || typeof value !== "string" ? value : Buffer.from(value);
      // A stream of bytes has no empty chunks.
      if (!this.#isObjects && chunk.length === 0) continue;
      this.push(chunk);
      return;
    }
    const error = errorOf(await this.#connection.closed);
    if (error === undefined) this.push(null);
    else this.destroy(error);
  }

  override _write(chunk: Message | NodeJS.ArrayBufferView, _encoding: string, done: Callback): void {
    let status: string;
    try {
      status = this.#connection.send(chunk as Message);
    } catch (error) {
      done(error as Error); // what can be written to a stream of objects is anything
      return;
    }
    if (status === "sent") done();
    else if (status === "queued") void this.#whenReady(done);
    else done(notSent());
  }

  /** What could not be sent any more is missing at the peer. */
  async #whenReady(done: Callback): Promise<void> {
    done((await this.#connection.ready()) ? null : notSent());
  }

  override _final(done: Callback): void {
    const closed = this.#connection.closeWriting(CloseCode.normal);
    closed.then((result) => done(errorOf(result))).catch(done);
    void this.#letCloseFrameThrough();
  }

  /** Where nobody reads, what the peer has sent must not stand in front of its close frame. */
  async #letCloseFrameThrough(): Promise<void> {
    const connection = this.#connection;
    while (connection.state !== "closed" && this.readableFlowing === null) {
      if (connection.isPaused) {
        void connection.close(); // takes no more messages
        this.resume();
        return;
      }
      await delay(LOOK_INTERVAL_MS, undefined, { ref: false });
    }
  }

  override _destroy(error: Error | null, done: Callback): void {
    this.#connection.terminate();
    this.#connection.closed.then(() => done(error)).catch(done);
  }
}

function errorOf({ error, wasClean }: CloseResult): Error | undefined {
  if (wasClean) return undefined;
  return error ?? new ConnectionError("CONNECTION_LOST", "the transport ended without a closing handshake");
}

function notSent(): Error {
  return new ConnectionError("CONNECTION_LOST", "the connection ended before this was sent");
}
