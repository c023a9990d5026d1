/**
 * How a case ended. `pass`: as the RFC says. `non-strict`: allowed, or harmless, but not the best. `fail`: against the
 * RFC, or too late. `unimplemented`: it needs an extension that was not negotiated.
 */
export type Verdict = "pass" | "non-strict" | "fail" | "unimplemented";

/** The verdicts, best first. */
export const VERDICTS: readonly Verdict[] = ["pass", "non-strict", "unimplemented", "fail"];

/** A verdict and why. */
export interface Outcome {
  readonly verdict: Verdict;
  /** One line; empty where nothing has to be said. */
  readonly reason: string;
}

/** It was done as the RFC says. */
export const PASSED: Outcome = { verdict: "pass", reason: "" };

/** It was done in a way that is allowed, but not the best. */
export function nonStrict(reason: string): Outcome {
  return { verdict: "non-strict", reason };
}

/** Ends a case with `fail`: the peer did what it must not do, or not what it must. */
export class CaseFailure extends Error {
  override readonly name = "CaseFailure";
}

/** Ends a case with `unimplemented`: the peer did not agree to the extension that the case is about. */
export class NotNegotiated extends Error {
  override readonly name = "NotNegotiated";
}
