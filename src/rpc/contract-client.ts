import type { OptionalOf } from "../core/optional-of.js";
import type { Peer, PeerSource } from "../session/peer-port.js";
import { claimChannels } from "./contract-claim.js";
import { type AnySideOptions, ContractSide, type SideOptions } from "./contract-side.js";
import type { HandlersOf, Remote } from "./contract-types.js";
import { Conversation } from "./conversation.js";
import type { Contract } from "./definitions.js";
import { partsOf } from "./parts.js";
import { remoteSurface } from "./remote-surface.js";
import { isPeerSource } from "./require-session.js";
import type { RpcLimits } from "./rpc-limits.js";

/** What {@link contractClient} may be given besides handlers. */
export interface ContractClientOptions extends SideOptions, OptionalOf<RpcLimits> {}

/** A client's side of a contract: the server, to be called and told. */
export interface ContractClient<C extends Contract> extends Remote<C, "server"> {
  /** Ends it: what waits is rejected with `SESSION_CLOSED`. The session itself stays as it is. */
  close(): void;
}

/**
 * Speaks a contract with a server. Calls that wait for their answer when a session is reset are sent again in the next one,
 * where that cannot make them run twice; streams end with `SESSION_RESET`.
 *
 * @param session a client, which has one session after the other; or a session, with which all ends.
 * @throws UsageError `INVALID_OPTION` for an option that cannot be, for a call or a stream without a handler, and for what is no
 * session; `INVALID_CONTRACT` for what is none, and if another contract is spoken on the same channel of this session: give it
 * another `channel`.
 */
export function contractClient<C extends Contract>(
  contract: C,
  session: Peer | PeerSource,
  ...[options]: Record<never, never> extends HandlersOf<C, "client">
    ? [options?: HandlersOf<C, "client"> & ContractClientOptions]
    : [options: HandlersOf<C, "client"> & ContractClientOptions]
): ContractClient<C> {
  const side = new ContractSide(contract, "client", (options ?? {}) as AnySideOptions);
  const comesBack = isPeerSource(session);
  const claim = claimChannels(session, contract, comesBack ? randomKey : undefined);
  const conversation = new Conversation(side, partsOf(contract), claim.numbers);
  const surface = remoteSurface(contract, "server")(conversation);
  let isClosed = false;
  let stopListening = (): void => undefined;
  const client = {
    ...surface,
    close() {
      if (isClosed) return;
      isClosed = true;
      claim.isTaken = false;
      stopListening();
      conversation.close();
    },
  };
  conversation.remote = client;
  try {
    if (comesBack) {
      stopListening = session.onPeer((peer) => conversation.begin(peer));
      if (isClosedForGood(session)) conversation.close();
    } else conversation.begin(session);
  } catch (error) {
    claim.isTaken = false;
    throw error;
  }
  return client as unknown as ContractClient<C>;
}

/** Whether there will be no other session: a client that was closed says so, and calls no listener any more. */
function isClosedForGood(session: PeerSource): boolean {
  const { state } = session as { readonly state?: { readonly status?: unknown } | undefined };
  return state?.status === "closed";
}

/** 128 bits that nobody guesses: who has them can ask for the results of this client's calls. */
function randomKey(): string {
  let key = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) key += byte.toString(16).padStart(2, "0");
  return key;
}
