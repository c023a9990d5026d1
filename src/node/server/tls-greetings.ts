import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import type { ConnectionCount } from "./connection-count.js";
import { endsOf } from "./ends-of.js";

/** A connection whose handshake of TLS is not done. */
interface Greeting {
  readonly socket: Socket;
  readonly leave: () => void;
}

/**
 * Counts the connections of an HTTPS server from TCP until TLS is done, when they come as others: Node tells of none that
 * says nothing.
 */
export class TlsGreetings {
  readonly #greetings = new Map<string, Greeting>();
  /** Those that nothing tells apart once TLS is done, until they are gone. */
  readonly #nameless = new Set<Socket>();

  /**
   * Steps in front of the listeners that `http` has for connections of TCP.
   * @param count those without a complete request; who is above its limit is dropped.
   */
  constructor(http: HttpServer, count: ConnectionCount) {
    const listeners = http.listeners("connection");
    http.removeAllListeners("connection");
    http.on("connection", (socket: Socket) => {
      const { remoteAddress } = socket;
      // Unix sockets have no address to count, nor ends to find them by.
      if (remoteAddress === undefined) {
        this.#addNameless(socket, () => {});
      } else {
        if (count.add(remoteAddress) !== undefined) {
          socket.destroy();
          return;
        }
        this.#add(endsOf(socket), socket, () => count.remove(remoteAddress));
      }
      for (const listener of listeners) listener.call(http, socket);
    });
    http.prependListener("secureConnection", (socket: Socket) => this.#remove(endsOf(socket)));
  }

  /** Drops the connections whose handshake is known not to be done. */
  stop(): void {
    for (const { socket } of this.#greetings.values()) socket.destroy();
  }

  /** Drops those as well of which that is not known. */
  dropAll(): void {
    for (const socket of this.#nameless) socket.destroy();
  }

  #add(ends: string, socket: Socket, removed: () => void): void {
    // Behind proxies, whose clients' ends are taken for theirs, two may have the same.
    if (this.#greetings.has(ends)) {
      this.#addNameless(socket, removed);
      return;
    }
    const leave = (): void => {
      socket.off("close", leave);
      this.#greetings.delete(ends);
      removed();
    };
    this.#greetings.set(ends, { socket, leave });
    socket.on("close", leave);
  }

  #addNameless(socket: Socket, removed: () => void): void {
    this.#nameless.add(socket);
    socket.once("close", () => {
      this.#nameless.delete(socket);
      removed();
    });
  }

  #remove(ends: string): void {
    this.#greetings.get(ends)?.leave();
  }
}
