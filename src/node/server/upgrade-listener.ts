import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import { HeadParser, type RequestHead } from "../../protocol/handshake/head-parser.js";
import { listsInclude } from "../../protocol/handshake/http-token.js";
import { ConnectionCount } from "./connection-count.js";
import { HandshakeGuard } from "./handshake-guard.js";
import type { Server } from "./server.js";
import type { ServerLimits } from "./server-options.js";

const FIRST_OF_GET = 0x47; // "G"
const NOT_OURS = { ok: false, error: undefined } as const;

/**
 * Reads the first request of each connection of an HTTP server before the HTTP server does. An opening handshake is
 * answered here, at half of what it costs through `http`, and its socket never carries what an HTTP connection does.
 * Everything else goes to the HTTP server as if nobody had looked: other requests, and whatever is not textbook.
 */
export class UpgradeListener {
  readonly #server: Server;
  readonly #limits: ServerLimits;
  readonly #pending = new Set<Socket>();
  readonly #count: ConnectionCount;
  readonly #toHttp: (socket: Socket) => void;

  /**
   * Steps in front of the listener that `http` has for its own connections.
   * @param maxPendingPerAddress how many connections from one address may be without a complete request at a time: who
   * sends none must not take the places of others.
   */
  constructor(
    server: Server,
    http: HttpServer,
    event: "connection" | "secureConnection",
    limits: ServerLimits,
    maxPendingPerAddress: number,
  ) {
    this.#server = server;
    this.#limits = limits;
    this.#count = new ConnectionCount(Infinity, maxPendingPerAddress); // in total Node counts
    const listeners = http.listeners(event);
    http.removeAllListeners(event);
    this.#toHttp = (socket) => {
      for (const listener of listeners) listener.call(http, socket);
    };
    http.on(event, (socket: Socket) => this.#accept(socket));
  }

  /** Drops the connections whose first request is not complete. */
  stop(): void {
    for (const socket of this.#pending) socket.destroy();
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    if (this.#count.add(address) !== undefined) {
      socket.destroy();
      return;
    }
    const guard = new HandshakeGuard(socket, this.#limits.handshakeTimeoutMs);
    const parser = new HeadParser("request", {
      maxHeadBytes: this.#limits.maxHeaderBytes,
      maxHeaders: this.#limits.maxHeaders,
    });
    const chunks: Buffer[] = [];
    const letGo = (): void => {
      this.#pending.delete(socket);
      this.#count.remove(address);
      socket.off("data", onData);
      socket.off("end", onEnd);
      socket.off("close", letGo);
      guard.handOver();
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      const isGet = chunks.length > 1 || chunk[0] === FIRST_OF_GET;
      const result = isGet ? parser.push(chunk) : NOT_OURS;
      if (result === undefined) return;
      socket.pause();
      letGo();
      if (result.ok && isHandshake(result.head)) {
        void this.#server.upgrade(result.head, socket, result.rest);
      } else if (!result.ok && result.error?.code === "HEAD_TOO_LARGE") {
        // Node would drop the fields that are too many, and so answer another request than the one that was sent.
        this.#server.refuseHead(socket, result.error);
      } else {
        this.#toHttp(socket);
        socket.unshift(Buffer.concat(chunks));
        socket.resume();
      }
    };
    const onEnd = (): void => {
      socket.destroy();
    };
    this.#pending.add(socket);
    socket.on("data", onData);
    socket.on("end", onEnd);
    socket.on("close", letGo);
  }
}

/** Whether a request asks for WebSocket at all; whether it asks rightly is judged later. */
function isHandshake({ headers }: RequestHead): boolean {
  return listsInclude(headers.getAll("upgrade"), "websocket");
}
