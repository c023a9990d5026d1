import type { Verdict } from "./outcome.js";
import { VERDICTS } from "./outcome.js";
import type { TestedRole } from "./tested-role.js";
import type { WireEntry } from "./wire-record.js";

/** How one case went. */
export interface CaseResult {
  readonly id: string;
  readonly category: string;
  readonly section: string;
  readonly expectation: string;
  readonly verdict: Verdict;
  /** One line; empty where nothing has to be said. */
  readonly reason: string;
  readonly durationMs: number;
  /** What went over the wire, up to a cap. */
  readonly wire: readonly WireEntry[];
}

/** How an implementation did. */
export interface ConformanceReport {
  /** Who was tested. */
  readonly agent: string;
  /** Which end it was. */
  readonly tested: TestedRole;
  /** When, in ISO 8601. */
  readonly date: string;
  readonly results: readonly CaseResult[];
}

/** How often each verdict was given. */
export function countVerdicts(results: readonly Pick<CaseResult, "verdict">[]): Record<Verdict, number> {
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  for (const { verdict } of results) counts[verdict]++;
  return counts;
}
