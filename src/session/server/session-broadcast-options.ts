import type { MessageOptions } from "../peer-port.js";
import type { ServerSession } from "./server-session.js";

/** What `broadcast` can add. */
export interface SessionBroadcastOptions<Data, Request> extends MessageOptions {
  /** The channel. Default the one that every session has. */
  readonly channel?: string | undefined;
  /**
   * Send to these alone, however many others there are: those of a room, say, in a `Set` of yours. Those that have ended are
   * counted as `closed`. Default all. A `to` that is there and undefined is refused: a room that nobody is in is nobody, not everybody.
   */
  readonly to?: Iterable<ServerSession<Data, Request>>;
  /** Leave this session out: usually the one that the message came from. Default none. */
  readonly except?: ServerSession<Data, Request> | undefined;
  /** Send only to sessions for which this is true. Default all. Each is asked, for each broadcast: for rooms `to` is quicker. */
  readonly where?: ((session: ServerSession<Data, Request>) => boolean) | undefined;
}
