import type { OptionalOf } from "../core/optional-of.js";
import type { Peer } from "../session/peer-port.js";
import { CallLedgers, type LedgerLimits } from "./call-ledgers.js";
import { claimChannels } from "./contract-claim.js";
import { type AnySideOptions, ContractSide, type SideOptions } from "./contract-side.js";
import type { EventEncodersOf, HandlersOf, Remote } from "./contract-types.js";
import { Conversation } from "./conversation.js";
import type { Contract } from "./definitions.js";
import { goesTo, schemaOf } from "./directed-event.js";
import { encodeEvent } from "./encode-event.js";
import { HandledStreams } from "./handled-streams.js";
import { IncomingCalls } from "./incoming-calls.js";
import { OpenedStreams } from "./opened-streams.js";
import type { Parts } from "./parts.js";
import { remoteSurface } from "./remote-surface.js";
import { requireSession } from "./require-session.js";
import type { RpcLimits } from "./rpc-limits.js";
import { UnreadValues } from "./unread-values.js";

/** A server is not sent over the network, and has them all. */
const PARTS: Parts = {
  incoming: IncomingCalls,
  opened: OpenedStreams,
  handled: HandledStreams,
  unread: UnreadValues,
};

/** What {@link implement} may be given besides handlers. */
export interface ImplementOptions<P extends Peer = Peer>
  extends SideOptions<P>,
    OptionalOf<RpcLimits>,
    OptionalOf<LedgerLimits> {}

/** A server's side of a contract, for all its sessions. */
export interface Implementation<C extends Contract, P extends Peer = Peer> {
  /**
   * Answers a session from now on. To be called as soon as there is one, before anything of it is read: in the `open` of a
   * server. What it returns is the client, to be called and told.
   * @throws UsageError `INVALID_OPTION` for what is no session.
   */
  accept(peer: P): Remote<C, "client">;
  /**
   * Makes the message of an event, checked and encoded once for many clients: send it on the channel `contract.channel` of each
   * session, or broadcast it there. The functions throw as those of `remote.emit` do.
   */
  readonly encode: EventEncodersOf<C, "client">;
  /** What is kept for clients that may come back: how many there are, and how many bytes their results take. */
  readonly kept: { readonly clients: number; readonly resultBytes: number };
}

/**
 * Answers the calls and streams of a contract, as a server. One implementation serves all sessions, and has to outlive
 * them: it knows which calls ran, so that one that is sent again after a reset does not run twice.
 *
 * @typeParam P the sessions that it is given, for `context.peer`.
 * @throws UsageError `INVALID_CONTRACT` for what is none; `INVALID_OPTION` for an option that cannot be, and for a call or a
 * stream without a handler.
 */
export function implement<C extends Contract, P extends Peer = Peer>(
  contract: C,
  options: HandlersOf<C, "server", P> & ImplementOptions<P>,
): Implementation<C, P> {
  const side = new ContractSide(
    contract,
    "server",
    options as AnySideOptions,
    () => new CallLedgers(options),
  );
  const ledgers = side.ledgers!;
  const surfaceOf = remoteSurface(contract, "client");
  return {
    accept(peer) {
      requireSession(peer);
      const { numbers } = claimChannels(peer, contract);
      const conversation = new Conversation(side, PARTS, numbers);
      conversation.remote = surfaceOf(conversation);
      conversation.begin(peer);
      return conversation.remote as Remote<C, "client">;
    },
    encode: Object.fromEntries(
      Object.entries(contract.events)
        .filter(([, event]) => goesTo(event, "client"))
        .map(([name, event]) => [name, (value: unknown) => encodeEvent(side, name, schemaOf(event), value)]),
    ) as EventEncodersOf<C, "client">,
    get kept() {
      return { clients: ledgers.clients, resultBytes: ledgers.keptBytes };
    },
  };
}
