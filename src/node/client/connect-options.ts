import type { ConnectionHandlers, ConnectionOptions } from "../connection/connection-options.js";
import type { ClientConnection } from "./client-connection.js";
import type { DialOptions } from "./dial-options.js";

/** What `connect()` takes: the handshake, the connection, and the handlers of its events. */
export interface ConnectOptions<Data = undefined>
  extends ConnectionOptions,
    DialOptions,
    ConnectionHandlers<ClientConnection<Data>> {
  /** The subprotocols to offer, the preferred one first. Default: none. */
  readonly protocols?: string | readonly string[] | undefined;
  /**
   * Whether the server must choose one of `protocols`. Default false, as in RFC 6455 §4.1: look at
   * `connection.protocol`. Browsers, and the class `WebSocket`, do require it.
   */
  readonly requireProtocol?: boolean | undefined;
  /** Gives up when aborted. Does nothing any more once the connection is open. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How many redirects (301, 302, 303, 307, 308) to follow, 20 at most. A redirect never leads from `wss:` to `ws:`,
   * and at another origin it takes along neither client certificates nor header fields, except `User-Agent` and
   * `Accept-Language`.
   * Default 0: browsers follow none either, and who is redirected talks to a server that the application never named.
   */
  readonly maxRedirects?: number | undefined;
  /** What to keep as `connection.data`. Default undefined. */
  readonly data?: Data | undefined;
}
