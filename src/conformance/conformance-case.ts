import type { Outcome } from "./outcome.js";
import type { Peer } from "./peer.js";
import type { TestedRole } from "./tested-role.js";

/** One thing a WebSocket implementation has to get right. */
export interface ConformanceCase {
  /** Stable: `6.4.2`. Categories 1 to 13 have the numbers that Autobahn|Testsuite gave them. */
  readonly id: string;
  /** The title of the category, as in {@link CATEGORIES}. */
  readonly category: string;
  /** Where it is demanded: `RFC 6455 §5.5`. */
  readonly section: string;
  /** What must happen, in one sentence. */
  readonly expectation: string;
  /** Which ends it applies to. */
  readonly roles: TestedRole | "both";
  /** How many times the ordinary time limit an echo may take, for the cases that move megabytes. Default 1. */
  readonly patience?: number;
  /** Does it. Returning nothing means that it passed; a failure is thrown as a `CaseFailure`. */
  run(peer: Peer): Promise<Outcome | undefined>;
}

/** The categories by the number that the ids begin with, in the order of a report. */
export const CATEGORIES: ReadonlyMap<string, string> = new Map([
  ["1", "Framing"],
  ["2", "Pings and pongs"],
  ["3", "Reserved bits"],
  ["4", "Opcodes"],
  ["5", "Fragmentation"],
  ["6", "UTF-8"],
  ["7", "Close handling"],
  ["9", "Limits and performance"],
  ["10", "Automatic fragmentation"],
  ["12", "Compression: data"],
  ["13", "Compression: parameters"],
  ["20", "Handshake: requests"],
  ["21", "Handshake: negotiation"],
  ["22", "Payload lengths"],
  ["23", "Splits"],
  ["24", "Close races"],
  ["25", "Handshake: answers"],
  ["26", "Masking"],
  ["27", "Compression: hostile data"],
  ["28", "Handshake: the request of a client"],
  ["29", "HTTP/2: extended CONNECT"],
]);

/** A case without what its id already says. */
export type CaseDefinition = Omit<ConformanceCase, "category" | "roles"> & {
  /** Default `both`. */
  readonly roles?: ConformanceCase["roles"];
};

/** Fills in the category of a case, and that it is for both roles where nothing else is said. */
export function conformanceCase(definition: CaseDefinition): ConformanceCase {
  const number = definition.id.slice(0, definition.id.indexOf("."));
  return { roles: "both", ...definition, category: CATEGORIES.get(number) ?? number };
}
