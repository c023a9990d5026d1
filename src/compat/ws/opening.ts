import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from "node:net";
import { unescape as unescapeUrl } from "node:querystring";
import type { Duplex } from "node:stream";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";
import { nextTick } from "../../node/next-tick.js";
import { acceptKey } from "../../protocol/handshake/accept-key.js";
import { equalsIgnoringAsciiCase, isToken } from "../../protocol/handshake/http-token.js";
import { extension } from "./extension.js";
import { PerMessageDeflate, type PerMessageDeflateOptions } from "./per-message-deflate.js";
import { ReadyState, type ReadyStateValue } from "./ready-state.js";
import type { NegotiatedExtensions } from "./sender.js";
import { sha1Base64 } from "./sha1-base64.js";

/** The options of a client that concern its opening, with the defaults filled in; the rest goes to `http.request`. */
export interface OpeningOptions extends Omit<RequestOptions, "protocol" | "headers"> {
  readonly protocolVersion: number;
  readonly perMessageDeflate: boolean | PerMessageDeflateOptions;
  readonly followRedirects: boolean;
  readonly maxRedirects: number;
  readonly maxPayload: number;
  readonly handshakeTimeout?: number | undefined;
  readonly origin?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | null | undefined;
  readonly finishRequest?: ((request: ClientRequest, socket: never) => void) | undefined;
}

/** The socket that is being opened. */
export interface OpeningSocket {
  _url: string;
  _req: ClientRequest | null;
  _protocol: string;
  _extensions: NegotiatedExtensions;
  _readyState: ReadyStateValue;
  readonly readyState: ReadyStateValue;
  emit(event: string, ...values: unknown[]): boolean;
  listenerCount(event: string): number;
  emitClose(): void;
}

/** Called when the server has agreed: the stream is a WebSocket now. */
export type OnAgreed = (stream: Duplex, head: Buffer) => void;

const PROTOCOL_VERSIONS: readonly number[] = [8, 13];
/** Set on a request that was given up, so that its own error is not told as well. */
const ABANDONED = Symbol("abandoned");
type Request = ClientRequest & { [ABANDONED]?: boolean };
type Headers = Record<string, string | number>;

/** Where a request goes, from its URL. */
interface Destination {
  readonly url: URL;
  readonly isSecure: boolean;
  readonly isIpc: boolean;
  readonly path: string;
  readonly socketPath: string | undefined;
}

/** The opening handshake of a client (RFC 6455 §4.1) over Node's `http.request`, redirects included. */
export class Opening {
  readonly #socket: OpeningSocket;
  readonly #protocols: readonly string[];
  readonly #options: OpeningOptions;
  readonly #onAgreed: OnAgreed;
  /** The headers of the caller. */
  readonly #headers: Headers = {};
  /** Of the requests that follow a redirect: by their names in lower case, so that some can be left out. */
  readonly #onward: Headers = {};
  #first: Destination | undefined = undefined;
  #redirects = 0;

  /** @throws RangeError, SyntaxError for what the standard has the constructor refuse. */
  constructor(
    socket: OpeningSocket,
    protocols: readonly string[],
    options: OpeningOptions,
    onAgreed: OnAgreed,
  ) {
    const { protocolVersion, headers } = options;
    if (!PROTOCOL_VERSIONS.includes(protocolVersion)) {
      throw new RangeError(
        `Unsupported protocol version: ${protocolVersion} (supported versions: ${PROTOCOL_VERSIONS.join(", ")})`,
      );
    }
    this.#socket = socket;
    this.#protocols = protocols;
    this.#options = options;
    this.#onAgreed = onAgreed;
    for (const [name, value] of Object.entries(headers ?? {})) {
      this.#headers[name] = value;
      this.#onward[name.toLowerCase()] = value;
    }
  }

  /** @throws SyntaxError for a URL or a subprotocol that is none. */
  start(address: string | URL): void {
    const destination = destinationOf(address);
    this.#socket._url = destination.url.href;
    const problem = problemOf(destination);
    if (problem !== undefined) throw new SyntaxError(problem);
    this.#first = destination;
    this.#send(destination);
  }

  #send(destination: Destination): void {
    const socket = this.#socket;
    const { perMessageDeflate, finishRequest } = this.#options;
    const key = randomBytes(16).toString("base64");
    const deflate =
      perMessageDeflate === false || !perMessageDeflate
        ? undefined
        : new PerMessageDeflate({
            ...(perMessageDeflate === true ? {} : perMessageDeflate),
            isServer: false,
            maxPayload: this.#options.maxPayload,
          });
    const request: Request = (destination.isSecure ? httpsRequest : httpRequest)(
      this.#requestOptions(destination, key, deflate),
    );
    socket._req = request;
    if (this.#redirects > 0) socket.emit("redirect", socket._url, request);
    if (this.#options.handshakeTimeout)
      request.on("timeout", () => abandonRequest(socket, request, "Opening handshake has timed out"));
    request.on("error", (error) => {
      if (request[ABANDONED] || socket._req !== request) return;
      socket._req = null;
      failOpening(socket, error);
    });
    request.on("response", (response) => this.#onResponse(request, response, destination));
    request.on("upgrade", (response, stream, head) => {
      socket.emit("upgrade", response);
      // A listener may have closed it.
      if (socket.readyState !== ReadyState.CONNECTING) return;
      socket._req = null;
      const problem = this.#agree(response, key, deflate);
      if (problem === undefined) this.#onAgreed(stream, head);
      else abandonStream(socket, stream, problem);
    });
    if (finishRequest) finishRequest(request, socket as never);
    else request.end();
  }

  #requestOptions(
    destination: Destination,
    key: string,
    deflate: PerMessageDeflate | undefined,
  ): RequestOptions {
    const { url, isSecure, path, socketPath } = destination;
    const { protocolVersion, origin, handshakeTimeout, ...rest } = this.#options;
    const headers: Headers = {
      ...(this.#redirects === 0 ? this.#headers : this.#onward),
      "Sec-WebSocket-Version": protocolVersion,
      "Sec-WebSocket-Key": key,
      Connection: "Upgrade",
      Upgrade: "websocket",
    };
    if (deflate !== undefined)
      headers["Sec-WebSocket-Extensions"] = extension.format({
        [PerMessageDeflate.extensionName]: { ...deflate.offer() },
      });
    if (this.#protocols.length > 0)
      headers["Sec-WebSocket-Protocol"] = checkProtocols(this.#protocols).join(",");
    if (origin) headers[protocolVersion < 13 ? "Sec-WebSocket-Origin" : "Origin"] = origin;
    let auth = authOf(url) ?? rest.auth;
    if (
      this.#redirects > 0 &&
      this.#socket.listenerCount("redirect") === 0 &&
      this.#isElsewhere(destination)
    ) {
      // As curl does: what was meant for the first host is not told to another one.
      delete headers["authorization"];
      delete headers["cookie"];
      if (!this.#isSameHost(destination)) delete headers["host"];
      auth = undefined;
    }
    if (this.#options.followRedirects && auth && this.#onward["authorization"] === undefined) {
      // The first one counts for all that follow.
      this.#onward["authorization"] = `Basic ${Buffer.from(auth).toString("base64")}`;
    }
    const defaultPort = isSecure ? 443 : 80;
    return {
      ...rest,
      method: "GET",
      protocol: undefined,
      hostname: undefined,
      host: url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname,
      port: url.port || defaultPort,
      defaultPort: rest.defaultPort ?? defaultPort,
      path,
      socketPath,
      timeout: handshakeTimeout,
      auth,
      headers,
      createConnection: rest.createConnection ?? (isSecure ? tlsConnection : tcpConnection),
    } as RequestOptions;
  }

  #isSameHost({ isIpc, socketPath, url }: Destination): boolean {
    const first = this.#first!;
    if (isIpc || first.isIpc) return isIpc && first.isIpc && socketPath === first.socketPath;
    return url.host === first.url.host;
  }

  #isElsewhere(destination: Destination): boolean {
    return !this.#isSameHost(destination) || (this.#first!.isSecure && !destination.isSecure);
  }

  #onResponse(request: Request, response: IncomingMessage, from: Destination): void {
    const socket = this.#socket;
    const { followRedirects, maxRedirects } = this.#options;
    const { location } = response.headers;
    const status = response.statusCode ?? 0;
    if (followRedirects && location && status >= 300 && status < 400) {
      if (++this.#redirects > maxRedirects) {
        abandonRequest(socket, request, "Maximum redirects exceeded");
        return;
      }
      request[ABANDONED] = true;
      request.destroy();
      this.#redirect(location, from);
    } else if (!socket.emit("unexpected-response", request, response)) {
      abandonRequest(socket, request, `Unexpected server response: ${status}`);
    }
  }

  #redirect(location: string, from: Destination): void {
    const socket = this.#socket;
    let destination: Destination;
    try {
      destination = destinationOf(new URL(location, from.url));
    } catch {
      failOpening(socket, new SyntaxError(`Invalid URL: ${location}`));
      return;
    }
    socket._url = destination.url.href;
    const problem = problemOf(destination);
    if (problem === undefined) this.#send(destination);
    else failOpening(socket, new SyntaxError(problem));
  }

  /** Takes over what the server chose; what is wrong with it otherwise. */
  #agree(
    { headers }: IncomingMessage,
    key: string,
    deflate: PerMessageDeflate | undefined,
  ): string | undefined {
    if (!equalsIgnoringAsciiCase(headers.upgrade ?? "", "websocket")) return "Invalid Upgrade header";
    if (headers["sec-websocket-accept"] !== acceptKey(key, sha1Base64))
      return "Invalid Sec-WebSocket-Accept header";

    const protocol = headers["sec-websocket-protocol"];
    if (protocol === undefined) {
      if (this.#protocols.length > 0) return "Server sent no subprotocol";
    } else {
      if (this.#protocols.length === 0) return "Server sent a subprotocol but none was requested";
      if (!this.#protocols.includes(protocol)) return "Server sent an invalid subprotocol";
      this.#socket._protocol = protocol;
    }

    const extensions = headers["sec-websocket-extensions"];
    if (extensions === undefined) return undefined;
    if (deflate === undefined)
      return "Server sent a Sec-WebSocket-Extensions header but no extension was requested";
    const name = PerMessageDeflate.extensionName;
    try {
      const offers = extension.parse(extensions);
      if (Object.keys(offers).join() !== name) return "Server indicated an extension that was not requested";
      deflate.accept(offers[name]!);
    } catch {
      return "Invalid Sec-WebSocket-Extensions header";
    }
    this.#socket._extensions[name] = deflate;
    return undefined;
  }
}

/** Gives up a request that was not answered yet; `error` and `close` follow in the next tick. */
export function abandonRequest(socket: OpeningSocket, request: ClientRequest | null, message: string): void {
  socket._readyState = ReadyState.CLOSING;
  if (request !== null) {
    (request as Request)[ABANDONED] = true;
    request.destroy();
    request.socket?.destroy(); // where the answer is complete, the request alone leaves it open
  }
  nextTick(failOpening, socket, new Error(message));
}

function abandonStream(socket: OpeningSocket, stream: Duplex, message: string): void {
  socket._readyState = ReadyState.CLOSING;
  stream.once("error", (error) => socket.emit("error", error));
  stream.once("close", () => socket.emitClose());
  stream.destroy(new Error(message));
}

function failOpening(socket: OpeningSocket, error: Error): void {
  socket._readyState = ReadyState.CLOSING;
  socket.emit("error", error);
  socket.emitClose();
}

/** @throws SyntaxError for what is no URL. */
function destinationOf(address: string | URL): Destination {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new SyntaxError(`Invalid URL: ${String(address)}`);
  }
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  const isIpc = url.protocol === "ws+unix:";
  const target = url.pathname + url.search;
  const colon = isIpc ? target.indexOf(":") : -1;
  return {
    url,
    isSecure: url.protocol === "wss:",
    isIpc,
    path: isIpc ? (colon === -1 ? "" : target.slice(colon + 1)) : target,
    socketPath: isIpc ? (colon === -1 ? target : target.slice(0, colon)) : undefined,
  };
}

function problemOf({ url, isSecure, isIpc }: Destination): string | undefined {
  if (url.protocol !== "ws:" && !isSecure && !isIpc)
    return 'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"';
  if (isIpc && url.pathname === "") return "The URL's pathname is empty";
  if (url.hash !== "") return "The URL contains a fragment identifier";
  return undefined;
}

function checkProtocols(protocols: readonly string[]): readonly string[] {
  const isDistinct = new Set(protocols).size === protocols.length;
  if (isDistinct && protocols.every((one: unknown) => typeof one === "string" && isToken(one)))
    return protocols;
  throw new SyntaxError("An invalid or duplicated subprotocol was specified");
}

function authOf({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  return `${unescapeUrl(username)}:${unescapeUrl(password)}`;
}

function tcpConnection(options: RequestOptions): Socket {
  // What `http` calls `path` is the target of the request; that of a socket is the one in the file system.
  return connectTcp({ ...options, path: options.socketPath } as NetConnectOpts);
}

function tlsConnection(options: RequestOptions & TlsOptions): Socket {
  const { host, servername } = options;
  const isNamed = servername !== undefined;
  return connectTls({
    ...options,
    path: undefined,
    servername: isNamed ? servername : isIP(host ?? "") ? "" : (host ?? ""),
  } as TlsOptions);
}
