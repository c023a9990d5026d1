import type { EventEmitter } from "node:events";
import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Http2SecureServer, Http2Server, ServerHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { UsageError } from "../../core/hawser-error.js";
import { takeConnectStreams } from "./connect-streams.js";
import { Server } from "./server.js";
import type { ServerOptions } from "./server-options.js";
import { takeRequests } from "./take-requests.js";

/** Those of Hawser that are attached to an HTTP server, in the order in which Node calls them. */
const attached = new WeakMap<EventEmitter, Set<Server>>();

/**
 * Adds WebSocket endpoints to an existing `http`, `https` or `http2` server: that of Express, Fastify, Vite... Where the
 * server has other listeners for `upgrade`, paths that are not ours are left to them; else they get 404. Ordinary requests
 * are left to the server but for those at the path of an endpoint that takes them, such as a hub. `shutdown` ends our
 * connections and takes our listener away; the HTTP server stays its owner's.
 *
 * To a server of `node:http2`, attach before clients come: it tells them that WebSocket is served over HTTP/2 (RFC 8441).
 * There, other listeners are those for `connect`. With `allowHTTP1` it serves HTTP/1.1 on the same port, too.
 *
 * @throws `UsageError` `INVALID_OPTION`, also for a path that an attachment to the same server has already.
 */
export function attach<Data = undefined>(
  http: HttpServer | Http2Server | Http2SecureServer,
  options: ServerOptions<Data> = {},
): Server {
  assertHttpServer(http);
  let servers = attached.get(http);
  const server = new Server(options, servers);
  if (servers === undefined) {
    servers = new Set();
    attached.set(http, servers);
    if (isHttp2(http)) attachHttp2(http, servers);
  }
  return attachHttp1(http, servers.add(server), server);
}

/** The application of Express listens and has events, too, but is no server, and never hears of an upgrade. */
function assertHttpServer(
  http: { readonly on?: unknown; readonly close?: unknown } | null | undefined,
): void {
  if (typeof http?.on !== "function" || typeof http.close !== "function")
    throw new UsageError(
      "INVALID_OPTION",
      "attach needs an HTTP server of Node: what `app.listen()` returns, say",
    );
}

function isHttp2(http: HttpServer | Http2Server | Http2SecureServer): http is Http2Server {
  return "updateSettings" in http;
}

/** Once for all of ours: they share what a session brings. */
function attachHttp2(http: Http2Server, servers: ReadonlySet<Server>): void {
  http.updateSettings({ enableConnectProtocol: true });
  http.on("session", (session: ServerHttp2Session) => {
    takeConnectStreams(session, {
      servers: () => servers,
      hasOthers: () => http.listenerCount("connect") > 0,
    });
  });
}

function attachHttp1(http: EventEmitter, servers: Set<Server>, server: Server): Server {
  const onUpgrade = (request: IncomingMessage, stream: Duplex, firstBytes: Buffer): void => {
    if (!server.hasRoute(request) && !isLastChance(http, servers, server, request)) return;
    void server.handleUpgrade(request, stream, firstBytes);
  };
  http.on("upgrade", onUpgrade);
  const endTaking = server.takesRequests ? takeRequests(http, server) : undefined;
  server.stopListening = async () => {
    http.off("upgrade", onUpgrade);
    servers.delete(server);
    endTaking?.();
  };
  return server;
}

/** Whether nobody else may have something at this path, so that it is up to this server to say so. */
function isLastChance(
  http: EventEmitter,
  servers: ReadonlySet<Server>,
  server: Server,
  request: IncomingMessage,
): boolean {
  if (http.listenerCount("upgrade") > servers.size) return false;
  const [first] = servers;
  return first === server && ![...servers].some((other) => other.hasRoute(request));
}

/**
 * Makes a server without a way in: the caller hands upgrade requests to `server.handleUpgrade(request, socket, head)`,
 * as frameworks with a routing of their own do.
 *
 * @throws `UsageError` `INVALID_OPTION`.
 */
export function createServer<Data = undefined>(options: ServerOptions<Data> = {}): Server {
  return new Server(options);
}
