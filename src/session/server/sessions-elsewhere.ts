import type { OpenPacket } from "../wire/open-packet.js";
import type { OpeningTransport } from "./opening-transport.js";

/** Why the owner of a session did not take a transport. */
export type ElsewhereFailure =
  /** It does not answer, or has left. */
  | "gone"
  /** Nobody can be asked just now. */
  | "silent"
  /** There is no room for one more. */
  | "full";

/** The way to the sessions of other nodes, as the server of one node sees it. */
export interface SessionsElsewhere<Request> {
  /**
   * Has the owner of a session carry on with a transport.
   * @param owner the name of its node.
   * @param failed called at most once, if that comes to nothing: the transport is the server's again.
   */
  relay(
    opening: OpeningTransport<Request>,
    open: OpenPacket,
    owner: Uint8Array,
    failed: (why: ElsewhereFailure) => void,
  ): void;
  /** Asks all nodes for a session. `done` is called later, with the name of the node that has it or is about to. */
  find(id: Uint8Array, done: (owner: Uint8Array | undefined) => void): void;
}
