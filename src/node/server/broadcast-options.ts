import type { SendOptions } from "../connection/send-options.js";
import type { ServerConnection } from "./server-connection.js";

/** What `server.broadcast` can add. */
export interface BroadcastOptions extends SendOptions {
  /**
   * Send to these alone, however many others there are: those of a room, say, in a `Set` of yours. Those that have ended are
   * counted as `closed`. Default all. A `to` that is there and undefined is refused: a room that nobody is in is nobody, not everybody.
   */
  readonly to?: Iterable<ServerConnection<unknown>>;
  /** Leave this connection out: usually the one that the message came from. Default none. */
  readonly except?: ServerConnection<unknown> | undefined;
  /**
   * Send only to connections for which this is true. Default all: that is what a broadcast is. Each is asked, for each broadcast:
   * for rooms `to` is quicker.
   */
  readonly where?: ((socket: ServerConnection<unknown>) => boolean) | undefined;
  /**
   * Whether it stays here although the server has a `broker`. Default false: a broadcast goes to all. With a broker, `to` and
   * `where` need it, since neither can go along and the other nodes would send to everybody.
   */
  readonly local?: boolean | undefined;
}
