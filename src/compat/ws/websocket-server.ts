// biome-ignore-all lint/suspicious/noExplicitAny: programs typed with @types/ws rely on its `any`.
// biome-ignore-all lint/suspicious/noUnsafeDeclarationMerging: so are the overloads of `on` told apart by event.
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  STATUS_CODES,
} from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { nextTick } from "../../node/next-tick.js";
import { acceptKey } from "../../protocol/handshake/accept-key.js";
import { equalsIgnoringAsciiCase } from "../../protocol/handshake/http-token.js";
import { extension } from "./extension.js";
import { Link } from "./link.js";
import { checkNumbers } from "./number-options.js";
import { PerMessageDeflate } from "./per-message-deflate.js";
import type { NegotiatedExtensions } from "./sender.js";
import { sha1Base64 } from "./sha1-base64.js";
import { SOCKET_DEFAULTS } from "./socket-options.js";
import { subprotocol } from "./subprotocol.js";
import { WebSocket } from "./websocket.js";

/** 16 bytes in base64 (RFC 6455 §4.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/;
const DEFLATE: string = PerMessageDeflate.extensionName;

type AnyOptions = WebSocket.ServerOptions<any, any>;
type Accept<T extends typeof WebSocket, U extends typeof IncomingMessage> = (
  client: InstanceType<T>,
  request: InstanceType<U>,
) => void;
/** A client that is refused: the status and, in the body, why. */
type Refusal = readonly [status: number, message: string, headers?: OutgoingHttpHeaders];

/**
 * A WebSocket server with the API of `ws`: on a port of its own, on a server of Node, or given each request.
 *
 * @typeParam T the class of the connections.
 * @typeParam U the class of the requests.
 */
export class WebSocketServer<
  T extends typeof WebSocket = typeof WebSocket,
  U extends typeof IncomingMessage = typeof IncomingMessage,
> extends EventEmitter {
  /** What it was made with, and the defaults. */
  options: WebSocket.ServerOptions<T, U>;
  /** As in `options`. */
  declare path: string;
  /** The connections, unless `clientTracking` is off. */
  declare clients: Set<InstanceType<T>>;
  // Nothing is private: see the fields of WebSocket.
  /** @internal */
  _server: HttpServer | null = null;
  /** @internal */
  _removeListeners: (() => void) | undefined = undefined;
  /** @internal */
  _state: "running" | "closing" | "closed" = "running";
  /** @internal */
  _shouldEmitClose = false;

  /**
   * @param callback called when it listens on its port.
   * @throws TypeError unless exactly one of `port`, `server` and `noServer` is there, or for a limit that is no number.
   */
  constructor(options?: WebSocket.ServerOptions<T, U>, callback?: () => void) {
    super();
    const all: AnyOptions = {
      ...SOCKET_DEFAULTS,
      perMessageDeflate: false,
      handleProtocols: null,
      clientTracking: true,
      verifyClient: null,
      noServer: false,
      backlog: null,
      server: null,
      host: null,
      path: null,
      port: null,
      WebSocket,
      ...options,
    } as AnyOptions;
    const hasPort = all.port !== null && all.port !== undefined;
    if (Number(hasPort) + Number(Boolean(all.server)) + Number(Boolean(all.noServer)) !== 1) {
      throw new TypeError(
        'One and only one of the "port", "server", or "noServer" options must be specified',
      );
    }
    checkNumbers(all);
    if (all.perMessageDeflate === true) all.perMessageDeflate = {};
    if (all.clientTracking) this.clients = new Set();
    this.options = all;
    if (hasPort) {
      this._server = createServer(refuseRequest);
      this._server.listen(all.port, all.host, all.backlog, callback);
    } else if (all.server) {
      this._server = all.server as HttpServer;
    }
    if (this._server !== null) this._listenTo(this._server);
  }

  /** @internal */
  _listenTo(server: HttpServer): void {
    const accept = (socket: unknown, request: unknown): void => {
      this.emit("connection", socket, request);
    };
    const listeners: Record<string, (...values: any[]) => void> = {
      listening: () => this.emit("listening"),
      error: (error) => this.emit("error", error),
      upgrade: (request, socket, head) => this.handleUpgrade(request, socket, head, accept),
    };
    for (const [event, listener] of Object.entries(listeners)) server.on(event, listener);
    this._removeListeners = () => {
      for (const [event, listener] of Object.entries(listeners)) server.off(event, listener);
    };
  }

  /**
   * Where it listens; null if it does not (any more).
   * @throws Error with `noServer`.
   */
  address(): WebSocket.AddressInfo | string | null {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode');
    return this._server === null ? null : this._server.address();
  }

  /**
   * Accepts nobody any more, and emits `close` when the last connection is gone. It closes no connection, and of `server`
   * it only takes its listeners away.
   * @param callback called then, with an error if it was closed already.
   */
  close(callback?: (error?: Error) => void): void {
    if (this._state === "closed") {
      if (callback) this.once("close", () => callback(new Error("The server is not running")));
      nextTick(() => this._emitClose());
      return;
    }
    if (callback) this.once("close", callback);
    if (this._state === "closing") return;
    this._state = "closing";
    const server = this._server;
    this._removeListeners?.();
    this._removeListeners = undefined;
    this._server = null;
    const isOurs = !this.options.noServer && !this.options.server;
    if (isOurs) server!.close(() => this._emitClose());
    else if (this.options.clientTracking && this.clients.size > 0) this._shouldEmitClose = true;
    else nextTick(() => this._emitClose());
  }

  /** @internal */
  _emitClose(): void {
    this._state = "closed";
    this.emit("close");
  }

  /** Whether a request is for this server: by its path. Override it to decide otherwise. */
  shouldHandle(request: InstanceType<U>): boolean | Promise<boolean> {
    const { path } = this.options;
    if (!path) return true;
    const url = request.url ?? "";
    const query = url.indexOf("?");
    return (query === -1 ? url : url.slice(0, query)) === path;
  }

  /**
   * Makes a WebSocket of an upgrade request, or refuses it.
   * @param upgradeHead the first bytes behind the request.
   */
  handleUpgrade(request: InstanceType<U>, socket: Duplex, upgradeHead: Buffer, callback: Accept<T, U>): void {
    socket.on("error", destroyOnError);
    const refusal = problemOf(request);
    if (refusal !== undefined) {
      this._refuseClient(request, socket, refusal);
      return;
    }
    if (!this.shouldHandle(request)) {
      refuse(socket, 400);
      return;
    }
    const { headers } = request;
    const protocolHeader = headers["sec-websocket-protocol"];
    let protocols: Set<string>;
    try {
      protocols = protocolHeader === undefined ? new Set() : subprotocol.parse(protocolHeader);
    } catch {
      this._refuseClient(request, socket, [400, "Invalid Sec-WebSocket-Protocol header"]);
      return;
    }
    let extensions: NegotiatedExtensions;
    try {
      extensions = this._negotiate(headers["sec-websocket-extensions"]);
    } catch {
      const message = "Invalid or unacceptable Sec-WebSocket-Extensions header";
      this._refuseClient(request, socket, [400, message]);
      return;
    }
    const key = headers["sec-websocket-key"]!;
    this._verify(request, socket, () =>
      this.completeUpgrade(extensions, key, protocols, request, socket, upgradeHead, callback),
    );
  }

  /** @internal */
  _negotiate(header: string | undefined): NegotiatedExtensions {
    const { perMessageDeflate, maxPayload } = this.options;
    if (!perMessageDeflate || header === undefined) return {};
    const options = perMessageDeflate === true ? {} : perMessageDeflate;
    const deflate = new PerMessageDeflate({ ...options, isServer: true, maxPayload });
    const offers = extension.parse(header)[DEFLATE];
    if (offers === undefined) return {};
    deflate.accept(offers);
    return { [DEFLATE]: deflate };
  }

  /** @internal */
  _verify(request: InstanceType<U>, socket: Duplex, accept: () => void): void {
    const verifyClient = this.options.verifyClient as
      | WebSocket.VerifyClientCallbackAsync
      | WebSocket.VerifyClientCallbackSync
      | null;
    if (!verifyClient) {
      accept();
      return;
    }
    const { headers } = request;
    const isVersion8 = Number(headers["sec-websocket-version"]) === 8;
    const { authorized, encrypted } = request.socket as Partial<TLSSocket>;
    const info = {
      origin: headers[isVersion8 ? "sec-websocket-origin" : "origin"] as string,
      secure: Boolean(authorized || encrypted),
      req: request,
    };
    if (verifyClient.length !== 2) {
      if ((verifyClient as WebSocket.VerifyClientCallbackSync)(info)) accept();
      else refuse(socket, 401);
      return;
    }
    (verifyClient as WebSocket.VerifyClientCallbackAsync)(info, (isVerified, status, message, more) => {
      if (isVerified) accept();
      else refuse(socket, status || 401, message, more);
    });
  }

  /** @internal Sends the answer and hands the connection to `callback`. @throws Error for a socket that is one already. */
  completeUpgrade(
    extensions: NegotiatedExtensions,
    key: string,
    protocols: Set<string>,
    request: InstanceType<U>,
    socket: Duplex,
    head: Buffer,
    callback: Accept<T, U>,
  ): void {
    // The client has given up meanwhile.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    if (Link.has(socket)) {
      throw new Error(
        "server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration",
      );
    }
    if (this._state !== "running") {
      refuse(socket, 503);
      return;
    }
    const Class = (this.options.WebSocket ?? WebSocket) as typeof WebSocket;
    const client = new Class(null, undefined, this.options);
    const headers = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${acceptKey(key, sha1Base64)}`,
    ];
    const protocol = this._chooseProtocol(protocols, request);
    if (protocol) {
      headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
      client._protocol = protocol;
    }
    const deflate = extensions[DEFLATE];
    if (deflate !== undefined) {
      headers.push(`Sec-WebSocket-Extensions: ${extension.format({ [DEFLATE]: { ...deflate.params } })}`);
      client._extensions = extensions;
    }
    this.emit("headers", headers, request);
    socket.write(`${headers.join("\r\n")}\r\n\r\n`);
    socket.removeListener("error", destroyOnError);
    client.setSocket(socket, head, this.options);
    if (this.options.clientTracking) {
      this.clients.add(client as InstanceType<T>);
      client.on("close", () => {
        this.clients.delete(client as InstanceType<T>);
        if (this._shouldEmitClose && this.clients.size === 0) nextTick(() => this._emitClose());
      });
    }
    callback(client as InstanceType<T>, request);
  }

  /** @internal */
  _chooseProtocol(protocols: Set<string>, request: InstanceType<U>): string | false | undefined {
    if (protocols.size === 0) return undefined;
    const { handleProtocols } = this.options;
    return handleProtocols ? handleProtocols(protocols, request) : [...protocols][0];
  }

  /** @internal Leaves the answer to a listener for `wsClientError`, if there is one. */
  _refuseClient(request: InstanceType<U>, socket: Duplex, [status, message, headers]: Refusal): void {
    if (this.listenerCount("wsClientError") > 0)
      this.emit("wsClientError", new Error(message), socket, request);
    else refuse(socket, status, message, headers);
  }
}

/** What of a request is not as RFC 6455 §4.2.1 has it. */
function problemOf({ method, headers }: IncomingMessage): Refusal | undefined {
  if (method !== "GET") return [405, "Invalid HTTP method"];
  if (!equalsIgnoringAsciiCase(headers.upgrade ?? "", "websocket")) return [400, "Invalid Upgrade header"];
  if (!KEY.test(headers["sec-websocket-key"] ?? ""))
    return [400, "Missing or invalid Sec-WebSocket-Key header"];
  const version = Number(headers["sec-websocket-version"]);
  if (version !== 13 && version !== 8) {
    const supported = { "Sec-WebSocket-Version": "13, 8" };
    return [400, "Missing or invalid Sec-WebSocket-Version header", supported];
  }
  return undefined;
}

/** Answers with an error and ends the socket. */
function refuse(socket: Duplex, status: number, message?: unknown, headers?: OutgoingHttpHeaders): void {
  const phrase = STATUS_CODES[status] ?? "";
  const body = message ? String(message) : phrase;
  const all = {
    Connection: "close",
    "Content-Type": "text/html",
    "Content-Length": Buffer.byteLength(body),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${phrase}\r\n${lines.join("")}\r\n${body}`);
}

/** A server on a port of its own serves nothing but WebSockets. */
const refuseRequest: Parameters<typeof createServer>[1] = (_request, response) => {
  const body = STATUS_CODES[426]!;
  response.writeHead(426, { "Content-Length": body.length, "Content-Type": "text/plain" });
  response.end(body);
};

function destroyOnError(this: Duplex): void {
  this.destroy();
}

/** The events of a {@link WebSocketServer}. */
export interface WebSocketServer<
  T extends typeof WebSocket = typeof WebSocket,
  U extends typeof IncomingMessage = typeof IncomingMessage,
> {
  on(
    event: "connection",
    listener: (this: WebSocketServer<T>, websocket: InstanceType<T>, request: InstanceType<U>) => void,
  ): this;
  on(event: "error", listener: (this: WebSocketServer<T>, error: Error) => void): this;
  on(
    event: "headers",
    listener: (this: WebSocketServer<T>, headers: string[], request: InstanceType<U>) => void,
  ): this;
  on(event: "close" | "listening", listener: (this: WebSocketServer<T>) => void): this;
  on(
    event: "wsClientError",
    listener: (this: WebSocketServer<T>, error: Error, socket: Duplex, request: InstanceType<U>) => void,
  ): this;
  on(event: string | symbol, listener: (this: WebSocketServer<T>, ...args: any[]) => void): this;

  once(
    event: "connection",
    listener: (this: WebSocketServer<T>, websocket: InstanceType<T>, request: InstanceType<U>) => void,
  ): this;
  once(event: "error", listener: (this: WebSocketServer<T>, error: Error) => void): this;
  once(
    event: "headers",
    listener: (this: WebSocketServer<T>, headers: string[], request: InstanceType<U>) => void,
  ): this;
  once(event: "close" | "listening", listener: (this: WebSocketServer<T>) => void): this;
  once(
    event: "wsClientError",
    listener: (this: WebSocketServer<T>, error: Error, socket: Duplex, request: InstanceType<U>) => void,
  ): this;
  once(event: string | symbol, listener: (this: WebSocketServer<T>, ...args: any[]) => void): this;

  off(
    event: "connection",
    listener: (this: WebSocketServer<T>, websocket: InstanceType<T>, request: InstanceType<U>) => void,
  ): this;
  off(event: "error", listener: (this: WebSocketServer<T>, error: Error) => void): this;
  off(
    event: "headers",
    listener: (this: WebSocketServer<T>, headers: string[], request: InstanceType<U>) => void,
  ): this;
  off(event: "close" | "listening", listener: (this: WebSocketServer<T>) => void): this;
  off(
    event: "wsClientError",
    listener: (this: WebSocketServer<T>, error: Error, socket: Duplex, request: InstanceType<U>) => void,
  ): this;
  off(event: string | symbol, listener: (this: WebSocketServer<T>, ...args: any[]) => void): this;

  addListener(
    event: "connection",
    listener: (websocket: InstanceType<T>, request: InstanceType<U>) => void,
  ): this;
  addListener(event: "error", listener: (error: Error) => void): this;
  addListener(event: "headers", listener: (headers: string[], request: InstanceType<U>) => void): this;
  addListener(event: "close" | "listening", listener: () => void): this;
  addListener(
    event: "wsClientError",
    listener: (error: Error, socket: Duplex, request: InstanceType<U>) => void,
  ): this;
  addListener(event: string | symbol, listener: (...args: any[]) => void): this;

  removeListener(
    event: "connection",
    listener: (websocket: InstanceType<T>, request: InstanceType<U>) => void,
  ): this;
  removeListener(event: "error", listener: (error: Error) => void): this;
  removeListener(event: "headers", listener: (headers: string[], request: InstanceType<U>) => void): this;
  removeListener(event: "close" | "listening", listener: () => void): this;
  removeListener(
    event: "wsClientError",
    listener: (error: Error, socket: Duplex, request: InstanceType<U>) => void,
  ): this;
  removeListener(event: string | symbol, listener: (...args: any[]) => void): this;
}
