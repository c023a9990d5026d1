import type { OverflowPolicy } from "#session/peer-port.js";
import { ChannelLedger } from "./channel-ledger.js";

/** Which side of a session. */
export type Role = "client" | "server";

/** What is known about one session from outside: both sides' messages, and what happened to it. */
export class SessionRecord {
  readonly key: string;
  readonly client = new Map<string, ChannelLedger>();
  readonly server = new Map<string, ChannelLedger>();
  /** The highest epoch that took the session over at the server. */
  topEpoch = 0;
  /** Since when the server has had no transport for it. */
  suspendedMs: number;
  isEvicted = false;
  /** A server made it at least once. */
  wasMade = false;
  /** The client was told that its owner is gone, since nobody answered through the broker. */
  isOwnerLost = false;
  /** The client knows that the server has it. */
  isEstablished = false;
  /** It has ended at the client. */
  isOver = false;
  isExpired = false;
  /** Somebody ended or closed it on purpose. */
  isClosed = false;

  constructor(key: string, nowMs: number) {
    this.key = key;
    this.suspendedMs = nowMs;
  }

  /** What a side sent on a channel. */
  ledger(sender: Role, name: string, policy: OverflowPolicy = "block"): ChannelLedger {
    let ledger = this[sender].get(name);
    if (ledger === undefined) {
      ledger = new ChannelLedger(name, policy);
      this[sender].set(name, ledger);
    }
    return ledger;
  }
}
