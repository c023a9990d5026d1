import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Server } from "./server.js";
import type { ServerOptions } from "./server-options.js";
import { takeRequests } from "./take-requests.js";

/** Those of Hawser that are attached to an HTTP server, in the order in which Node calls them. */
const attached = new WeakMap<HttpServer, Set<Server>>();

/**
 * Adds WebSocket endpoints to an existing `http` or `https` server: that of Express, Fastify, Vite... Where the server
 * has other listeners for `upgrade`, paths that are not ours are left to them; else they get 404. Ordinary requests are left
 * to the server but for those at the path of an endpoint that takes them, such as a hub of sessions. `shutdown` ends our
 * connections and takes our listener away; the HTTP server stays its owner's.
 *
 * @throws `UsageError` `INVALID_OPTION`.
 */
export function attach<Data = undefined>(http: HttpServer, options: ServerOptions<Data>): Server {
  const server = new Server(options);
  const servers = attached.get(http) ?? new Set();
  attached.set(http, servers.add(server));
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
  http: HttpServer,
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
export function createServer<Data = undefined>(options: ServerOptions<Data>): Server {
  return new Server(options);
}
