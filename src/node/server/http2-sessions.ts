import type { EventEmitter } from "node:events";
import type { Server as HttpServer, RequestListener } from "node:http";
import {
  createSecureServer,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { takeConnectStreams } from "./connect-streams.js";
import { ConnectionCount } from "./connection-count.js";
import { limitUnreadAnswer } from "./limit-unread-answer.js";
import type { Server } from "./server.js";
import type { ServerLimits } from "./server-options.js";
import { SessionGuard } from "./session-guard.js";

/** What a client that knows that the server speaks HTTP/2 begins with (RFC 9113 §3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** So much of it cannot be anything else. */
const MIN_PREFACE_BYTES = 3;
/** More than browsers open to one server, and as many sockets as one address may have by default. */
const MAX_CONCURRENT_STREAMS = 1_024;
/** `:method`, `:protocol`, `:scheme`, `:authority`, `:path`, and one field too many, which is refused with a status. */
const MORE_PAIRS = 6;
/** In megabytes: Node's default, and more than any machine has. */
const MIN_SESSION_MEMORY = 10;
const MAX_SESSION_MEMORY = 1_048_576;

/** How long the last bytes to a session that is dropped may take. */
const MAX_END_MS = 200;

/**
 * The HTTP/2 of a server that listens: on the same port as its HTTP/1.1, by ALPN over TLS and by prior knowledge without.
 * The sockets stay those of the HTTP/1.1 server, which accepts and counts them.
 */
export class Http2Sessions {
  readonly #limits: ServerLimits;
  readonly #guards = new Set<SessionGuard>();
  readonly #sockets = new Set<Socket>();
  readonly #count: ConnectionCount;
  /** Never listens: it is given sockets. */
  readonly #http2: EventEmitter;
  readonly #isSecure: boolean;
  #isStopping = false;

  /**
   * @param request what answers ordinary requests; by default they get 404.
   * @param maxSessionsPerAddress how many sessions there may be from one address, with streams or without.
   */
  constructor(
    server: Server,
    isSecure: boolean,
    limits: ServerLimits,
    maxSessionsPerAddress: number,
    request: RequestListener | undefined,
  ) {
    this.#limits = limits;
    this.#isSecure = isSecure;
    this.#count = new ConnectionCount(Infinity, maxSessionsPerAddress);
    const options = {
      settings: {
        enableConnectProtocol: true,
        maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
        maxHeaderListSize: limits.maxHeaderBytes,
      },
      maxHeaderListPairs: limits.maxHeaders + MORE_PAIRS,
      // What waits for peers that do not read is counted for `maxMemoryBytes`; Node's own limit would only refuse others.
      maxSessionMemory: Math.min(
        MAX_SESSION_MEMORY,
        Math.max(MIN_SESSION_MEMORY, Math.ceil(limits.maxMemoryBytes / 1_048_576)),
      ),
    };
    const http2 = isSecure ? createSecureServer(options) : createServer(options);
    this.#http2 = http2;
    http2.on("session", (session: ServerHttp2Session) => {
      takeConnectStreams(session, { servers: () => [server], hasOthers: () => false });
      this.#watch(session); // behind that, or it would not hear of the streams that are taken
    });
    // Node's objects of HTTP/2 are made to be taken for those of HTTP/1.1.
    const others = (request ?? notFound) as unknown as typeof notFound;
    http2.on("request", (incoming, response) => {
      const [asked, answer] = [incoming, response] as unknown as Parameters<RequestListener>;
      if (!server.handleRequest(asked, answer)) others(incoming, response);
    });
  }

  /** Takes over a socket with HTTP/2 from `http`: to be called before anybody else steps in front of its listeners. */
  takeCleartext(http: HttpServer): void {
    const events: EventEmitter = http;
    const listeners = events.listeners("connection");
    events.removeAllListeners("connection");
    events.on("connection", (socket: Socket, firstBytes?: Buffer) => {
      if (firstBytes !== undefined && this.takes(firstBytes)) {
        keepReadAhead(socket);
        this.#accept(socket);
      } else for (const listener of listeners) listener.call(http, socket);
    });
  }

  /** Whether a connection without TLS that begins so is one of HTTP/2. */
  takes(firstBytes: Buffer): boolean {
    return !this.#isSecure && beginsPreface(firstBytes);
  }

  /** As {@link takeCleartext}, by what ALPN says: to be called behind everybody else. */
  takeSecure(http: HttpServer): void {
    const events: EventEmitter = http;
    const listeners = events.listeners("secureConnection");
    events.removeAllListeners("secureConnection");
    events.on("secureConnection", (socket: TLSSocket) => {
      if (socket.alpnProtocol === "h2") this.#accept(socket);
      else for (const listener of listeners) listener.call(http, socket);
    });
  }

  /** Has all sessions told that no more streams are taken (GOAWAY), and drops them after `drainTimeoutMs`. */
  stop(drainTimeoutMs: number): Promise<void> {
    this.#isStopping = true;
    const closed = [...this.#guards].map(
      ({ session }) => new Promise<void>((resolve) => session.once("close", resolve)),
    );
    for (const { session } of this.#guards) session.close();
    let timer: NodeJS.Timeout | undefined;
    const drop = (): void => {
      for (const { session } of this.#guards) session.destroy();
      // Node ends the socket of a session first, and with a client that is gone that may never be done (Node 26, TLS).
      timer = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, MAX_END_MS);
    };
    if (drainTimeoutMs !== Infinity) timer = setTimeout(drop, drainTimeoutMs);
    return Promise.all(closed).then(() => clearTimeout(timer));
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    if (this.#isStopping || this.#count.add(address) !== undefined) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#count.remove(address);
    });
    socket.allowHalfOpen = false; // unlike HTTP/1.1, HTTP/2 has nothing to say to who has ended the connection
    this.#http2.emit(this.#isSecure ? "secureConnection" : "connection", socket);
  }

  #watch(session: ServerHttp2Session): void {
    const guard = new SessionGuard(session, this.#limits.handshakeTimeoutMs);
    this.#guards.add(guard);
    session.once("close", () => this.#guards.delete(guard));
  }
}

/**
 * What was read is put back behind this, and Node's session takes it in the next tick; a socket that flows, which it may
 * in the middle of its `data` event, would hand it to nobody before.
 */
function keepReadAhead(socket: Socket): void {
  const stopFlowing = (): void => {};
  socket.on("readable", stopFlowing);
  setImmediate(() => socket.off("readable", stopFlowing));
}

function beginsPreface(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, PREFACE.length);
  return length >= MIN_PREFACE_BYTES && PREFACE.subarray(0, length).equals(bytes.subarray(0, length));
}

function notFound(_request: Http2ServerRequest, response: Http2ServerResponse): void {
  const body = "This is a WebSocket server: connect with ws: or wss:.\n";
  response.writeHead(404, { "content-type": "text/plain; charset=utf-8", "content-length": body.length });
  response.end(body);
  limitUnreadAnswer(response);
}
