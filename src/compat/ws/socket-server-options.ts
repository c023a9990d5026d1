import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { SocketOptions } from "./socket-options.js";
import type { VerifyClientCallbackAsync, VerifyClientCallbackSync } from "./verify-client.js";

/** The options of a server. One of `port`, `server` and `noServer` is needed. */
export interface SocketServerOptions<SocketClass, V extends typeof IncomingMessage> extends SocketOptions {
  host?: string | undefined;
  port?: number | undefined;
  /** How many connections may wait to be accepted. Default 511, as in Node. */
  backlog?: number | undefined;
  /** A server of Node's `http` or `https` whose upgrades are taken. */
  server?: HttpServer<V> | HttpsServer<V> | undefined;
  /** Accepts or refuses a client. */
  verifyClient?:
    | VerifyClientCallbackAsync<InstanceType<V>>
    | VerifyClientCallbackSync<InstanceType<V>>
    | undefined;
  /** Chooses a subprotocol, or none. Default: the first that the client offers. */
  handleProtocols?: (protocols: Set<string>, request: InstanceType<V>) => string | false;
  /** Only requests for this path are taken. Default: all. */
  path?: string | undefined;
  /** Whether requests are given to `handleUpgrade` by the program. Default false. */
  noServer?: boolean | undefined;
  /** Whether `clients` is there. Default true. */
  clientTracking?: boolean | undefined;
  /** The class of the connections. Default `WebSocket`. */
  WebSocket?: SocketClass | undefined;
}
