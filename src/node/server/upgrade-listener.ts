import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import type { HeadResult, RequestHead } from "../../protocol/handshake/head-parser.js";
import { listsInclude } from "../../protocol/handshake/http-token.js";
import { disownStream } from "../stream-owner.js";
import { ConnectionCount } from "./connection-count.js";
import { FirstRequest, type FirstRequestListener } from "./first-request.js";
import type { Server } from "./server.js";
import type { ServerLimits } from "./server-options.js";

/**
 * Reads the first request of each connection of an HTTP server before the HTTP server does. An opening handshake is
 * answered here, at half of what it costs through `http`, and its socket never carries what an HTTP connection does.
 * Everything else goes to the HTTP server as if nobody had looked: other requests, and whatever is not textbook.
 */
export class UpgradeListener implements FirstRequestListener {
  readonly #server: Server;
  readonly #limits: ServerLimits;
  readonly #pending = new Set<FirstRequest>();
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
    for (const { stream } of this.#pending) stream.destroy();
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    if (this.#count.add(address) === undefined) {
      this.#pending.add(new FirstRequest(socket, address, this.#limits, this));
    } else {
      socket.destroy();
    }
  }

  /** @internal What a {@link FirstRequest} came to; undefined where it is none that we read. */
  onHead(request: FirstRequest, result: HeadResult<"request"> | undefined): void {
    this.onGone(request);
    if (result?.ok && isHandshake(result.head)) {
      void this.#server.upgrade(result.head, request.stream, result.rest, undefined, request);
    } else if (result?.ok === false && result.error.code === "HEAD_TOO_LARGE") {
      request.release();
      // Node would drop the fields that are too many, and so answer another request than the one that was sent.
      this.#server.refuseHead(request.stream, result.error);
    } else {
      const { stream: socket } = request;
      socket.pause();
      request.release();
      disownStream(socket);
      this.#toHttp(socket);
      socket.unshift(request.bytes);
      socket.resume();
    }
  }

  /** @internal The connection is gone before its first request was complete. */
  onGone(request: FirstRequest): void {
    this.#pending.delete(request);
    this.#count.remove(request.address);
  }
}

/** Whether a request asks for WebSocket at all; whether it asks rightly is judged later. */
function isHandshake({ headers }: RequestHead): boolean {
  return listsInclude(headers.getAll("upgrade"), "websocket");
}
