import { IndexedSet } from "../../core/indexed-set.js";
import type { ByteStream } from "../byte-stream.js";
import { dropStream } from "../drop-stream.js";
import { SESSION_SUBPROTOCOL } from "../session-subprotocol.js";
import type { ServerConnection } from "./server-connection.js";

/** Who is there: the open connections of a server, and those on their way to be one or to be refused. */
export class Occupants {
  readonly connections: IndexedSet<ServerConnection<unknown>> = new IndexedSet();
  /** Whether there was one that carries a session. */
  haveSessions = false;
  /** The streams whose opening handshake waits for its hook, or that are being refused. */
  readonly #pending = new Set<ByteStream>();
  #onEmpty: (() => void) | undefined = undefined;

  /** Another connection. */
  add(connection: ServerConnection<unknown>): void {
    this.connections.add(connection);
    if (connection.protocol === SESSION_SUBPROTOCOL) this.haveSessions = true;
  }

  /** A connection is gone. */
  remove(connection: ServerConnection<unknown>): void {
    this.connections.delete(connection);
    this.#look();
  }

  /** A stream that is neither a connection yet, nor gone. */
  addPending(stream: ByteStream): void {
    this.#pending.add(stream);
  }

  /** It is one of them now. */
  removePending(stream: ByteStream): void {
    this.#pending.delete(stream);
    this.#look();
  }

  /** Resolves when nobody is there any more. */
  async empty(): Promise<void> {
    // What was pending may be a connection a moment later.
    while (!this.#isEmpty) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
  }

  /** Ends all of them at once. */
  drop(): void {
    for (const connection of this.connections) connection.terminate();
    for (const stream of this.#pending) dropStream(stream);
  }

  get #isEmpty(): boolean {
    return this.connections.size === 0 && this.#pending.size === 0;
  }

  #look(): void {
    if (this.#onEmpty !== undefined && this.#isEmpty) this.#onEmpty();
  }
}
