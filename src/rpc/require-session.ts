import { UsageError } from "../core/hawser-error.js";
import type { Peer, PeerSource } from "../session/peer-port.js";

/**
 * Refuses what is no session.
 * @throws UsageError `INVALID_OPTION`.
 */
export function requireSession(peer: Peer): void {
  if (!has(peer, "channel", "receive", "onState")) {
    throw new UsageError("INVALID_OPTION", "a contract is spoken over a session, and this is none");
  }
}

/**
 * Whether it has one session after the other, and is not just one.
 * @throws UsageError `INVALID_OPTION` for what is neither.
 */
export function isPeerSource(session: Peer | PeerSource): session is PeerSource {
  if (has(session, "onPeer")) return true;
  requireSession(session as Peer);
  return false;
}

function has(value: unknown, ...methods: readonly string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  return methods.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function");
}
