import type { IncomingMessage, ServerResponse } from "node:http";
import type { DeflateOptions } from "../../protocol/extensions/deflate-negotiation.js";
import type { OriginPolicy } from "../../protocol/handshake/origin-policy.js";
import type { ConnectionHandlers, ConnectionOptions } from "../connection/connection-options.js";
import type { ServerConnection } from "./server-connection.js";
import type { ShutdownOptions } from "./shutdown-options.js";
import type { UpgradeAnswer } from "./upgrade-answer.js";
import type { UpgradeRequest } from "./upgrade-request.js";

/**
 * What a server does with the connections of one path: who may connect, what happens to messages, which limits hold.
 *
 * @typeParam Data what the application keeps with each connection; it follows from what `upgrade` returns.
 */
export interface Endpoint<Data = undefined>
  extends ConnectionOptions,
    ConnectionHandlers<ServerConnection<Data>> {
  /**
   * Decides whether to let a connection in, before it exists: authenticates, looks things up, sets `socket.data`.
   * Return `accept(data)` or `refuse(status)`. May be async, within `handshakeTimeoutMs`. If it throws, the client gets
   * status 500. By default everybody is let in whose `Origin` is allowed.
   */
  upgrade?(request: UpgradeRequest): UpgradeAnswer<Data> | Promise<UpgradeAnswer<Data>>;
  /**
   * Ordinary HTTP requests at this path. By default they go where all others go: to the `request` of `serve`, or to the
   * HTTP server that this is attached to.
   */
  http?(incoming: IncomingMessage, response: ServerResponse, routed: RoutedRequest): void;
  /**
   * The server is shutting down, and takes nobody any more: the endpoint may say good-bye in its own words. The connections
   * are closed when it is done, or after the drain timeout. Default none.
   */
  shutdown?(options: ShutdownOptions): void | Promise<void>;
  /**
   * Which web pages may connect. Default `same-origin`: browsers send cookies along whatever page asks, and no rule of
   * theirs stops a foreign page from opening a WebSocket. Clients that are not browsers send no `Origin` and pass.
   */
  origins?: OriginPolicy | undefined;
  /** The subprotocols spoken here, the preferred one first. Default none: most servers speak one language. */
  protocols?: readonly string[] | undefined;
  /**
   * permessage-deflate (RFC 7692): `true`, or its parameters. Default false: compressing costs far more time than
   * sending, and pays on slow links and long text. Safari 15.0 to 15.3 is known by its `User-Agent` and gets none,
   * since its own is broken.
   */
  compression?: boolean | DeflateOptions | undefined;
}

/** What a server has found out about an ordinary request. */
export interface RoutedRequest {
  /** The request, as an `upgrade` hook is given it: address, parameters of the path, header fields, cookies. */
  readonly request: UpgradeRequest;
  /** The policy that holds at this path. Nobody has asked it yet. */
  readonly origins: OriginPolicy;
}

/** Something that has an endpoint, and can be given where one is wanted: a hub of sessions, say. */
export interface HasEndpoint {
  /** The endpoint. */
  readonly endpoint: Endpoint<unknown>;
}

/** Names an endpoint, so that the type of its `socket.data` follows from what its `upgrade` returns. */
// `NoInfer`: the type must come from the definition, not from the `unknown` of the table of routes it stands in.
export function endpoint<Data = undefined>(definition: Endpoint<Data>): Endpoint<NoInfer<Data>> {
  return definition;
}
