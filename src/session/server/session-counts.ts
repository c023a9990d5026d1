import type { TransportName } from "../transport-port.js";
import { SessionCode } from "../wire/session-code.js";

/** What a hub has counted since it was made, as it goes into JSON. Counters only grow; rates are for whoever reads them twice. */
export interface SessionCounts {
  /** The sessions that are there: live, or waiting for their client. */
  readonly sessions: number;
  /** Those of them that wait for their client. */
  readonly suspended: number;
  /** What they hold for their clients, in bytes, as `heldBytes` of each says it. */
  readonly heldBytes: number;
  /** How many sessions began. */
  readonly opened: number;
  /** How often a session went on over another transport, also where the old one had not failed. */
  readonly resumed: number;
  /** How often a session lost its transport. */
  readonly suspensions: number;
  /** How many sessions were closed in order, by either side. */
  readonly closed: number;
  /** How many sessions were lost, by the name of the code or its number. */
  readonly resets: Readonly<Record<string, number>>;
  /** How many clients were refused before they had a session, by the name of the code or its number. */
  readonly refused: Readonly<Record<string, number>>;
  /** How many messages were dropped by the policies of their channels. */
  readonly dropped: number;
  /** How many messages came. */
  readonly received: number;
  /** How many transports were opened, of each kind. */
  readonly transports: Readonly<Partial<Record<TransportName, number>>>;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(SessionCode).map(([name, code]) => [code, name]),
);

/** Counts by names, and never more names than there are codes. */
export function countOf<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** `expired` for 4200; the number where a code is the application's own. */
export function sessionCodeName(code: number): string {
  return NAMES.get(code) ?? String(code);
}
