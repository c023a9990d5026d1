import type { SendOptions } from "../connection/send-options.js";
import type { ServerConnection } from "./server-connection.js";

/** What `server.broadcast` can add. */
export interface BroadcastOptions extends SendOptions {
  /** Leave this connection out: usually the one that the message came from. Default none. */
  readonly except?: ServerConnection<unknown> | undefined;
  /** Send only to connections for which this is true. Default all: that is what a broadcast is. */
  readonly where?: ((socket: ServerConnection<unknown>) => boolean) | undefined;
  /**
   * Whether it stays here although the server has a `broker`. Default false: a broadcast goes to all. With a broker, `where`
   * needs it, since a function cannot go along and the other nodes would send to everybody.
   */
  readonly local?: boolean | undefined;
}
