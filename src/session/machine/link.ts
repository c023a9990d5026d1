import type { Transport, TransportReceiver } from "../transport-port.js";

/**
 * - `opening`: a client's, its `open` is not answered;
 * - `standby`: attached and healthy, but another one carries the session, or none does yet;
 * - `active`: carries the session;
 * - `gone`: fenced, dropped or lost: whatever still comes from it is not looked at.
 */
export type LinkState = "opening" | "standby" | "active" | "gone";

/** A transport that is attached to a session: made by `attach`, and the receiver of its transport from then on. */
export interface Link extends TransportReceiver {
  /** The transport. */
  readonly transport: Transport;
  /** Which transport of this session it is: 1, 2, 3... */
  readonly epoch: number;
  /** What it is to the session. */
  readonly state: LinkState;
}
