import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { IndexedSet } from "../../core/indexed-set.js";
import type { HeadResult, RequestHead } from "../../protocol/handshake/head-parser.js";
import { listsInclude } from "../../protocol/handshake/http-token.js";
import { canReadInto, readCopies } from "../connection/receive-buffer.js";
import { disownStream } from "../own-stream.js";
import { RawSocket, type SocketCount } from "../raw-socket.js";
import { isSystemHandle, type SystemHandle, streamBinding } from "../stream-binding.js";
import type { ConnectionCount } from "./connection-count.js";
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
  readonly #pending = new IndexedSet<FirstRequest>();
  readonly #count: ConnectionCount;
  readonly #isCounted: (firstBytes: Buffer) => boolean;
  readonly #toHttp: (socket: Socket, readAhead?: Buffer) => void;
  readonly #http: HttpServer;
  /** Those that Node does not count. */
  readonly #raw: SocketCount = { sockets: 0 };
  /** Those that Node was given, until it has a complete request of them: whom each counts for. */
  readonly #atNode = new Map<Socket, string>();
  /** What Node's server does with a handle that it accepted, where we do it. */
  #acceptByNode: ((handle: SystemHandle) => void) | undefined = undefined;
  /** The connection that Node's server is being given, and what was read of it. */
  #given: FirstRequest | undefined = undefined;
  #readAhead: Buffer | undefined = undefined;

  /**
   * Steps in front of the listener that `http` has for its own connections.
   * @param count of the connections that are without a complete request: who sends none must not take the places of
   * others.
   * @param isCounted whether somebody else counts a connection that begins with these bytes.
   */
  constructor(
    server: Server,
    http: HttpServer,
    event: "connection" | "secureConnection",
    limits: ServerLimits,
    count: ConnectionCount,
    isCounted: (firstBytes: Buffer) => boolean,
  ) {
    this.#server = server;
    this.#http = http;
    this.#limits = limits;
    this.#count = count;
    this.#isCounted = isCounted;
    const listeners = http.listeners(event);
    http.removeAllListeners(event);
    this.#toHttp = (socket, readAhead) => {
      for (const listener of listeners) listener.call(http, socket, readAhead);
    };
    http.on(event, (socket: Socket) => this.#accept(socket));
    for (const name of ["request", "upgrade", "connect"])
      http.prependListener(name, ({ socket }: IncomingMessage) => this.#leaveNode(socket));
  }

  /** Drops the connections whose first request is not complete. */
  stop(): void {
    for (const { stream } of this.#pending) stream.destroy();
  }

  /**
   * Accepts in place of Node's server from now on, where that is possible: connections have no `Socket` of Node then,
   * unless their first request is for Node. To be called when the server listens, without TLS.
   */
  acceptHandles(): void {
    const listening = (this.#http as HttpServer & { readonly _handle?: ListeningHandle | null })._handle;
    const { onconnection } = listening ?? {};
    if (streamBinding === undefined || !canReadInto || !listening || typeof onconnection !== "function")
      return;
    this.#acceptByNode = (handle) => onconnection.call(listening, 0, handle);
    listening.onconnection = (status, handle) => {
      if (status !== 0 || !isSystemHandle(handle)) onconnection.call(listening, status, handle);
      else this.#acceptHandle(handle);
    };
  }

  #acceptHandle(handle: SystemHandle): void {
    const address = addressOf(handle);
    if (this.#isFull() || !this.#admits(address)) {
      handle.close(() => {});
      return;
    }
    handle.setNoDelay?.(true);
    const socket = new RawSocket(handle, address, this.#raw);
    this.#pending.add(new FirstRequest(socket, address, this.#limits, this));
    socket.resume();
  }

  /** Node counts only its own. */
  #isFull(): boolean {
    const { _connections = 0 } = this.#http as HttpServer & { readonly _connections?: number };
    return this.#raw.sockets + _connections >= this.#http.maxConnections;
  }

  /** Called by Node with a connection that it accepted, or that we have it accept. */
  #accept(socket: Socket): void {
    const given = this.#given;
    if (given !== undefined) {
      this.#given = undefined;
      readCopies(socket);
      this.#giveToNode(socket, given.address, this.#readAhead!);
      return;
    }
    if (!isRead(socket)) {
      this.#toHttp(socket);
      return;
    }
    const address = socket.remoteAddress ?? "";
    if (this.#admits(address)) this.#pending.add(new FirstRequest(socket, address, this.#limits, this));
    else socket.destroy();
  }

  #admits(address: string): boolean {
    return this.#count.add(address) === undefined;
  }

  #giveToNode(socket: Socket, address: string, readAhead: Buffer): void {
    if (!this.#isCounted(readAhead)) {
      this.#count.add(address);
      this.#atNode.set(socket, address);
      socket.once("close", () => this.#leaveNode(socket));
    }
    this.#toHttp(socket, readAhead);
    socket.unshift(readAhead);
    socket.resume();
  }

  /** It has sent a complete request to Node's server, or is gone. */
  #leaveNode(socket: Socket): void {
    const address = this.#atNode.get(socket);
    if (address === undefined) return;
    this.#atNode.delete(socket);
    this.#count.remove(address);
  }

  /** @internal What a {@link FirstRequest} came to; undefined where it is none that we read. */
  onHead(request: FirstRequest, result: HeadResult<"request"> | undefined): void {
    this.onGone(request);
    if (result?.ok && isHandshake(result.head)) {
      void this.#server.acceptor.upgrade(result.head, request.stream, result.rest, undefined, request);
    } else if (result?.ok === false && result.error.code === "HEAD_TOO_LARGE") {
      request.release();
      // Node would drop the fields that are too many, and so answer another request than the one that was sent.
      this.#server.acceptor.refuseHead(request.stream, result.error);
    } else {
      const { stream, bytes } = request;
      stream.pause();
      request.release();
      if (stream instanceof RawSocket) {
        this.#given = request;
        this.#readAhead = Buffer.from(bytes);
        this.#acceptByNode?.(stream.release());
        this.#given = undefined; // Node may have refused it
        this.#readAhead = undefined;
      } else {
        disownStream(stream as Socket);
        this.#giveToNode(stream as Socket, request.address, bytes);
      }
    }
  }

  /** @internal The connection is gone before its first request was complete. */
  onGone(request: FirstRequest): void {
    this.#pending.delete(request);
    this.#count.remove(request.address);
  }
}

/** What Node's server listens with, or a worker of `node:cluster` is given instead. */
interface ListeningHandle {
  onconnection?: (this: unknown, status: number, handle: unknown) => void;
}

/** Asked for once: it is a call of the system. */
function addressOf(handle: SystemHandle): string {
  const found: { address?: string } = {};
  handle.getpeername?.(found);
  return found.address ?? "";
}

/**
 * Whether what comes can be read from the socket. That of Bun's HTTP server is a name for a connection that is read beneath
 * it, by a parser of its own; then the handshake comes by the event `upgrade`.
 */
function isRead(socket: Socket): boolean {
  return (socket as object as { readonly _handle?: object | null })._handle != null;
}

/** Whether a request asks for WebSocket at all; whether it asks rightly is judged later. */
function isHandshake({ headers }: RequestHead): boolean {
  return listsInclude(headers.getAll("upgrade"), "websocket");
}
