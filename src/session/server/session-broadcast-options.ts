import type { MessageOptions } from "../peer-port.js";
import type { ServerSession } from "./server-session.js";

/** What `broadcast` can add. */
export interface SessionBroadcastOptions<Data, Request> extends MessageOptions {
  /** The channel. Default the one that every session has. */
  readonly channel?: string | undefined;
  /** Leave this session out: usually the one that the message came from. Default none. */
  readonly except?: ServerSession<Data, Request> | undefined;
  /** Send only to sessions for which this is true. Default all. */
  readonly where?: ((session: ServerSession<Data, Request>) => boolean) | undefined;
}
