import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Server } from "./server.js";
import type { ServerOptions } from "./server-options.js";

/**
 * Adds WebSocket endpoints to an existing `http` or `https` server: that of Express, Fastify, Vite... Where the server
 * has other listeners for `upgrade`, paths that are not ours are left to them; else they get 404. `shutdown` ends our
 * connections and takes our listener away; the HTTP server stays its owner's.
 *
 * @throws `UsageError` `INVALID_OPTION`.
 */
export function attach<Data = undefined>(http: HttpServer, options: ServerOptions<Data>): Server {
  const server = new Server(options);
  const onUpgrade = (request: IncomingMessage, stream: Duplex, firstBytes: Buffer): void => {
    if (http.listenerCount("upgrade") > 1 && !server.hasRoute(request)) return;
    void server.handleUpgrade(request, stream, firstBytes);
  };
  http.on("upgrade", onUpgrade);
  server.stopListening = async () => {
    http.off("upgrade", onUpgrade);
  };
  return server;
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
