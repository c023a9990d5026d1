import { ANSWERS } from "./cases/answers.js";
import { CLIENT_REQUESTS } from "./cases/client-requests.js";
import { CLOSING } from "./cases/closing.js";
import { compressionCases } from "./cases/compression.js";
import { EXTENDED_CONNECT } from "./cases/extended-connect.js";
import { FRAGMENTATION } from "./cases/fragmentation.js";
import { FRAMING } from "./cases/framing.js";
import { HANDSHAKE_REQUESTS } from "./cases/handshake-requests.js";
import { HOSTILE_DEFLATE } from "./cases/hostile-deflate.js";
import { LENGTHS } from "./cases/lengths.js";
import { limitCases } from "./cases/limits.js";
import { MASKING } from "./cases/masking.js";
import { NEGOTIATION } from "./cases/negotiation.js";
import { PINGS } from "./cases/pings.js";
import { RACES } from "./cases/races.js";
import { RESERVED } from "./cases/reserved.js";
import { SPLITS } from "./cases/splits.js";
import { UTF8 } from "./cases/utf8.js";
import type { ConformanceCase } from "./conformance-case.js";
import type { TestedRole } from "./tested-role.js";

/** Which cases are wanted. */
export interface CaseSelection {
  /** Ids with `*` for anything, such as `6.*` or `7.9.1`. Default: all. */
  readonly only?: readonly string[] | undefined;
  /** Ids with `*` for anything that are left out. Default: none. */
  readonly exclude?: readonly string[] | undefined;
  /** The sizes and numbers of messages that Autobahn has, not the smaller ones. Default: false. */
  readonly full?: boolean | undefined;
  /**
   * The cases for WebSocket over HTTP/2 (RFC 8441): those about heads of HTTP/1.1 are left out, those about an extended
   * CONNECT are in. Default: false.
   */
  readonly http2?: boolean | undefined;
}

/** What is about the heads of HTTP/1.1: its request, its answer, and what of both HTTP/2 says in another way. */
const ONLY_IN_HTTP1: readonly string[] = [
  "20",
  ...["25.1", "25.2", "25.3", "25.6", "25.7"],
  ...[1, 2, 3, 4, 5, 6, 7].map((number) => `28.1.${number}`),
];
/** What is about an extended CONNECT. */
const ONLY_IN_HTTP2: readonly string[] = ["29"];

/** The cases for one end of the connection, in the order of their ids. */
export function conformanceCases(tested: TestedRole, selection: CaseSelection = {}): ConformanceCase[] {
  const { only, exclude = [], full = false, http2 = false } = selection;
  const foreign = http2 ? ONLY_IN_HTTP1 : ONLY_IN_HTTP2;
  return allCases(full)
    .filter(({ roles }) => roles === "both" || roles === tested)
    .filter(({ id }) => only === undefined || only.length === 0 || only.some((pattern) => fits(id, pattern)))
    .filter(({ id }) => ![...exclude, ...foreign].some((pattern) => fits(id, pattern)));
}

function allCases(isFull: boolean): ConformanceCase[] {
  const cases: ConformanceCase[] = [
    ...FRAMING,
    ...PINGS,
    ...RESERVED,
    ...FRAGMENTATION,
    ...UTF8,
    ...CLOSING,
    ...limitCases(isFull),
    ...compressionCases(isFull),
    ...HANDSHAKE_REQUESTS,
    ...NEGOTIATION,
    ...LENGTHS,
    ...SPLITS,
    ...RACES,
    ...ANSWERS,
    ...MASKING,
    ...HOSTILE_DEFLATE,
    ...CLIENT_REQUESTS,
    ...EXTENDED_CONNECT,
  ];
  return cases.sort((a, b) => compareIds(a.id, b.id));
}

/** Orders ids by their numbers: 2.10 is behind 2.9. */
export function compareIds(a: string, b: string): number {
  const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether an id fits a pattern: `6` and `6.*` are the whole category. */
function fits(id: string, pattern: string): boolean {
  const expression = pattern
    .split("*")
    .map((part) => part.replaceAll(/[^\w]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${expression}(?:\\..*)?$`).test(id);
}
