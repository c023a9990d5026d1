import type { ConformanceCase } from "./conformance-case.js";
import { CaseFailure, NotNegotiated, type Outcome, PASSED } from "./outcome.js";
import type { Peer } from "./peer.js";
import type { CaseResult } from "./report.js";

/** Runs a case against a peer and ends the connection, whatever comes of it. */
export async function runCase(one: ConformanceCase, peer: Peer, timeoutMs: number): Promise<CaseResult> {
  const start = performance.now();
  const outcome = await outcomeOf(one, peer, timeoutMs * (one.patience ?? 1));
  const durationMs = Math.round(performance.now() - start);
  await peer.finish();
  const { id, category, section, expectation } = one;
  return { id, category, section, expectation, ...outcome, durationMs, wire: peer.wire.entries };
}

async function outcomeOf(one: ConformanceCase, peer: Peer, limitMs: number): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Outcome>((resolve) => {
    const look = (): void => {
      const leftMs = peer.progressAtMs + limitMs - performance.now();
      if (leftMs > 0) timer = setTimeout(look, leftMs);
      else
        resolve({
          verdict: "fail",
          reason: `not done after ${limitMs} ms: still waiting for ${peer.waitingFor}`,
        });
    };
    look();
  });
  try {
    return (await Promise.race([one.run(peer), timeout])) ?? PASSED;
  } catch (error) {
    if (error instanceof CaseFailure) return { verdict: "fail", reason: error.message };
    if (error instanceof NotNegotiated) return { verdict: "unimplemented", reason: error.message };
    return {
      verdict: "fail",
      reason: `the case itself went wrong: ${error instanceof Error ? error.stack : error}`,
    };
  } finally {
    clearTimeout(timer);
  }
}
