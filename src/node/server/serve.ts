import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, ListenOptions } from "node:net";
import { isAbsolute, resolve } from "node:path";
import { HandshakeError, UsageError } from "../../core/hawser-error.js";
import { listsInclude } from "../../protocol/handshake/http-token.js";
import { assertServeOptions } from "./assert-serve-options.js";
import { ConnectionCount } from "./connection-count.js";
import { guardTlsCallbacks } from "./guard-tls-callbacks.js";
import type { Http2Sessions } from "./http2-sessions.js";
import { ProxyGate } from "./proxy-gate.js";
import { Server } from "./server.js";
import { serverLimits } from "./server-limits.js";
import type { ServeOptions, ServerLimits } from "./server-options.js";
import { TlsGreetings } from "./tls-greetings.js";
import { TrustedProxies } from "./trusted-proxies.js";
import { UpgradeListener } from "./upgrade-listener.js";

/** Connections that Node itself refuses come on top of ours: those whose opening handshake is not done. */
const MAX_PENDING_HANDSHAKES = 1_024;

/** Node's own default, which `headersTimeout` may not be above. */
const REQUEST_TIMEOUT_MS = 300_000;

/** How often Node looks for requests that take too long, at least and at most: the latter is its own default. */
const MIN_CHECK_INTERVAL_MS = 100;
const MAX_CHECK_INTERVAL_MS = 30_000;

/** Proxies keep connections for 60 s and less: if one were closed here before, a request would meet its end. */
const KEEP_ALIVE_MS = 75_000;

const NO_PROXY = new HandshakeError("METHOD_NOT_ALLOWED", 405, "This is no proxy", ["Allow", "GET"]);

/** A server that listens. */
export class ListeningServer extends Server {
  readonly #http: HttpServer;
  readonly #isSecure: boolean;
  /** Where it listens, or did: a path as it is in a URL. */
  #address: AddressInfo | string | null = null;

  /** @internal Use `serve`. */
  constructor(options: ServeOptions<unknown>, http: HttpServer) {
    super(options);
    this.#http = http;
    this.#isSecure = options.tls !== undefined;
    http.once("listening", () => {
      const address = http.address();
      this.#address = typeof address === "string" ? urlPath(address) : address;
    });
  }

  /** The port it listens on; 0 for a Unix socket, and after `shutdown`. */
  get port(): number {
    const address = this.#http.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /**
   * Where clients reach it: `ws://127.0.0.1:8080`, or `ws+unix:` with the path of the socket. It stays the same after
   * `shutdown`, so that who connects then is told that nobody is there, and not that this is no URL.
   */
  get url(): string {
    const address = this.#address;
    if (address === null) return "";
    if (typeof address === "string") return `ws+unix:${address}`;
    const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `${this.#isSecure ? "wss" : "ws"}://${host}:${address.port}`;
  }
}

/** The path of a socket as `ws+unix:` has it: what means something else in a URL is encoded. */
function urlPath(path: string): string {
  const isWhole = isAbsolute(path) || path.startsWith("\0"); // Linux has names that are no files
  const whole = isWhole ? path : resolve(path);
  return encodeURI(whole).replace(/[:?#]/g, encodeURIComponent);
}

/**
 * Starts a WebSocket server. Resolves when it listens.
 *
 * @throws {@link UsageError} `INVALID_OPTION`, or `LISTEN_FAILED` if the port is taken or may not be used.
 */
export async function serve<Data = undefined>(options: ServeOptions<Data> = {}): Promise<ListeningServer> {
  const limits = serverLimits(options);
  assertServeOptions(options);
  const proxies = trustedProxies(options);
  const http = httpServer(options, limits);
  const server = new ListeningServer(options, http);
  const event = options.tls === undefined ? "connection" : "secureConnection";
  // Behind a proxy all are from its address, and who they are stands in the request that is not there yet.
  const maxPendingPerAddress =
    options.clientAddress === undefined ? limits.maxConnectionsPerAddress : Infinity;
  const http2 = await http2Sessions(options, server, limits, maxPendingPerAddress);
  http2?.takeCleartext(http);
  const pending = new ConnectionCount(Infinity, maxPendingPerAddress); // in total Node counts
  const isHttp2 = (firstBytes: Buffer): boolean => http2?.takes(firstBytes) === true;
  const listener = new UpgradeListener(server, http, event, limits, pending, isHttp2);
  http2?.takeSecure(http);
  const greetings = options.tls && new TlsGreetings(http, pending);
  const gate = proxies && new ProxyGate(server, http, proxies, limits.handshakeTimeoutMs);
  if (server.takesRequests) http.keepAliveTimeout = KEEP_ALIVE_MS;
  const { request: others } = options;
  http.on("request", (request, response) => {
    if (server.handleRequest(request, response)) return;
    if (others !== undefined) others(request, response);
    else if (server.hasRoute(request)) upgradeRequired(response);
    else notFound(response);
  });
  // For what our own parser left to Node's: a request behind another one on the same connection, say.
  http.on("upgrade", (request, stream, firstBytes) => void server.handleUpgrade(request, stream, firstBytes));
  // Without a listener Node ends the connection without a word.
  http.on("connect", (_request, stream) => server.acceptor.refuseConnect(stream, NO_PROXY));
  try {
    await listen(http, options);
  } catch (error) {
    void server.shutdown(); // there is nobody to serve, and nothing more is to come from its broker
    throw error;
  }
  // The gate needs a socket of Node to put bytes back into.
  if (options.tls === undefined && gate === undefined) listener.acceptHandles();
  server.stopListening = (drainTimeoutMs) => {
    gate?.stop();
    greetings?.stop();
    listener.stop();
    const drop = (): void => greetings?.dropAll();
    return Promise.all([stop(http, drainTimeoutMs, drop), http2?.stop(drainTimeoutMs)]).then(() => {});
  };
  return server;
}

/** Node's HTTP/2 is a large module, and only who wants it is to load it. */
async function http2Sessions(
  { http2 = false, tls, request }: ServeOptions<unknown>,
  server: Server,
  limits: ServerLimits,
  maxSessionsPerAddress: number,
): Promise<Http2Sessions | undefined> {
  if (!http2) return undefined;
  const { Http2Sessions } = await import("./http2-sessions.js");
  return new Http2Sessions(server, tls !== undefined, limits, maxSessionsPerAddress, request);
}

function httpServer(options: ServeOptions<unknown>, limits: ServerLimits): HttpServer {
  const headersTimeout = Math.ceil(limits.handshakeTimeoutMs); // Node takes whole numbers only
  const settings = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout,
    connectionsCheckingInterval: checkInterval(headersTimeout),
    ...(headersTimeout > REQUEST_TIMEOUT_MS && { requestTimeout: headersTimeout }),
    noDelay: true,
    // A server may ignore an upgrade that it does not want (RFC 9110 §7.8): `h2c`, say. Node 20 does not ask.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) =>
      listsInclude([headers.upgrade ?? ""], "websocket"),
  };
  const http =
    options.tls === undefined
      ? createHttpServer(settings)
      : createHttpsServer({
          handshakeTimeout: limits.handshakeTimeoutMs,
          ...options.tls,
          ...guardTlsCallbacks(options.tls),
          ...(options.http2 === true &&
            options.tls.ALPNCallback === undefined && { ALPNProtocols: ["h2", "http/1.1"] }),
          ...settings,
        });
  http.maxHeadersCount = limits.maxHeaders + 1; // Node leaves out what is above it; we refuse it
  http.maxConnections = limits.maxConnections + MAX_PENDING_HANDSHAKES;
  return http;
}

/** So that a head that never ends is dropped at most a quarter later than it should be, whichever parser it is with. */
function checkInterval(headersTimeoutMs: number): number {
  if (headersTimeoutMs === 0) return MAX_CHECK_INTERVAL_MS;
  return Math.min(MAX_CHECK_INTERVAL_MS, Math.max(MIN_CHECK_INTERVAL_MS, Math.ceil(headersTimeoutMs / 4)));
}

function listen(
  http: HttpServer,
  { port = 0, host = "127.0.0.1", path, reusePort = false }: ServeOptions<unknown>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const where = path ?? `${host}:${port}`;
      const why = cause.code === "EADDRINUSE" ? "it is taken by another process" : cause.message;
      reject(new UsageError("LISTEN_FAILED", `cannot listen on ${where}: ${why}`, cause));
    };
    http.once("error", onError);
    try {
      const address: ListenOptions & { reusePort?: boolean } =
        path === undefined ? { port, host, ...(reusePort && { reusePort }) } : { path };
      http.listen(address, () => {
        http.off("error", onError);
        // After this an error is about one connection that could not be accepted (no descriptors left, say).
        http.on("error", (error) => process.emitWarning(error));
        resolve();
      });
    } catch (cause) {
      reject(new UsageError("INVALID_OPTION", `cannot listen on port ${String(port)}`, cause));
    }
  });
}

function trustedProxies({ proxyProtocolFrom, path, tls }: ServeOptions<unknown>): TrustedProxies | undefined {
  if (proxyProtocolFrom === undefined) return undefined;
  // TLS gives us a socket of its own, and over a Unix socket nothing tells which one it is over.
  if (path !== undefined && tls !== undefined)
    throw new UsageError("INVALID_OPTION", "over a Unix socket with TLS there is no proxyProtocolFrom");
  return new TrustedProxies(proxyProtocolFrom);
}

/** Ordinary requests that are being answered may finish, as connections may. What Node does not know of, `drop` ends. */
function stop(http: HttpServer, drainTimeoutMs: number, drop: () => void): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      http.closeAllConnections();
      drop();
    };
    const timer = drainTimeoutMs === Infinity ? undefined : setTimeout(end, drainTimeoutMs);
    http.close(() => {
      clearTimeout(timer);
      resolve();
    });
    http.closeIdleConnections();
    http.keepAliveTimeout = 1; // and those that are idle from now on: 0 would be for ever
  });
}

function upgradeRequired(response: ServerResponse): void {
  const body = "This is a WebSocket server: connect with ws: or wss:.\n";
  answer(response, 426, body, { connection: "Upgrade, close", upgrade: "websocket" });
}

/** As a handshake there is answered. */
function notFound(response: ServerResponse): void {
  answer(response, 404, "no endpoint at this path\n", { connection: "close" });
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>>,
): void {
  const type = "text/plain; charset=utf-8";
  response.writeHead(status, { ...headers, "content-type": type, "content-length": body.length });
  response.end(body);
}
