import type { HubOptions } from "hawser/hub";
import type { ReceiveLimits, SendLimits, ServeOptions, ServerLimits } from "hawser/server";
import type { AttackField } from "./attack-field.js";

/** How much memory an attack may cost the server above idle, and how that follows from its limits. */
export interface Budget {
  readonly bytes: number;
  readonly arithmetic: string;
}

/** The limits of the server that is attacked, defaults filled in, as far as budgets and attacks need them. */
export type AttackedLimits = Pick<
  ReceiveLimits & SendLimits & ServerLimits,
  "maxMessageBytes" | "maxBufferedBytes" | "maxConnectionsPerAddress" | "handshakeTimeoutMs"
> & { readonly maxHeldBytes: number; readonly maxConnectionMemoryBytes: number };

/** What can be said about the limits of sessions. */
export type HubNumbers = Pick<
  HubOptions,
  "resumeWindowMs" | "maxHeldBytes" | "maxOpensPerSecond" | "pingIntervalMs" | "pongTimeoutMs"
>;

/** One way to try to bring a server down. Each is a file of its own; the table is `attacks.ts`. */
export interface Attack {
  readonly name: string;
  /** What the attackers do, for the report. */
  readonly about: string;
  /** The options of the server, where the defaults are not what is attacked. */
  readonly server?: ServeOptions | undefined;
  /** More options in the short version, so that limits are reached at once. */
  readonly shortServer?: ServeOptions | undefined;
  /** The options of its sessions, in the same way. */
  readonly hub?: HubNumbers | undefined;
  /** More of them in the short version. */
  readonly shortHub?: HubNumbers | undefined;
  /** Attack a server with TLS. Default false. */
  readonly isSecure?: boolean | undefined;
  /** How many attackers there are at a time, in the measured version and in the tests. */
  readonly connections: { readonly full: number; readonly short: number };
  /** At least so long in the measured version, where it takes that long until all attackers are there. */
  readonly minSeconds?: number | undefined;
  /** What it may cost. */
  budget(connections: number, limits: AttackedLimits): Budget;
  /** Attacks until `field.isOver`. Sockets that are left are destroyed afterwards. */
  run(field: AttackField): Promise<void>;
  /** How the server must have ended some of the attackers: codes of errors, or `clean`. */
  readonly mustEndAs?: readonly string[] | undefined;
  /** What the attackers must have noted themselves. */
  readonly mustNote?: readonly string[] | undefined;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The most an idle connection may cost, the bound that `test/memory` asserts; it measures a third of it. */
export const CONNECTION_BYTES: number = 16 * KIB;
/** The most an idle session may cost beside its connection: a fifth of it is what `docs/comparison.md` measures for both. */
export const SESSION_BYTES: number = 16 * KIB;
/** OpenSSL's own state and buffers come on top. */
export const TLS_CONNECTION_BYTES: number = 128 * KIB;
/** What Node reads from a socket at a time: one chunk of a connection can be in use or wait for the collector. */
export const CHUNK_BYTES: number = 64 * KIB;
/** Garbage that V8 has not collected yet, code that is compiled: not of any connection. */
export const GARBAGE_BYTES: number = 64 * MIB;

/** `connections` times what one may hold, what all hold together, and the garbage. */
export function budgetOf(
  connections: number,
  parts: Readonly<Record<string, number>>,
  together: Readonly<Record<string, number>> = {},
): Budget {
  const sum = (bytes: Readonly<Record<string, number>>): number =>
    Object.values(bytes).reduce((total, each) => total + each, 0);
  const named = (bytes: Readonly<Record<string, number>>): string[] =>
    Object.entries(bytes).map(([name, each]) => `${inUnits(each)} ${name}`);
  const each = named(parts);
  const one = each.length === 1 ? each[0] : `(${each.join(" + ")})`;
  const all = [`${connections.toLocaleString("en")} x ${one}`, ...named(together)];
  return {
    bytes: connections * sum(parts) + sum(together) + GARBAGE_BYTES,
    arithmetic: `${all.join(" + ")} + ${inUnits(GARBAGE_BYTES)} garbage`,
  };
}

/** A number of bytes for people. */
export function inUnits(bytes: number): string {
  if (bytes >= MIB) return `${Math.round((bytes / MIB) * 10) / 10} MiB`;
  return `${Math.round(bytes / KIB)} KiB`;
}
