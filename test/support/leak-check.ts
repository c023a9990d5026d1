import assert from "node:assert/strict";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

/** How long resources may take to go: a closed socket is still there until the next turns of the event loop. */
const SETTLE_MS = 2_000;

/** How often to look. */
const POLL_INTERVAL_MS = 20;

/**
 * Remembers which sockets, servers, timers and the like keep the process alive now, and gives a function that fails
 * if there are more of a kind later. Call it before anything is opened, for what is still closing counts as there:
 * `after(leakCheck())` at the top of a suite.
 */
export function leakCheck(settleMs: number = SETTLE_MS): () => Promise<void> {
  // Standard output opens on first use and must not be taken for a leak of the suite that printed first.
  void process.stdout;
  void process.stderr;
  const before = countActive();
  return async () => {
    let leaks = surplus(before);
    for (let waitedMs = 0; leaks.length > 0 && waitedMs < settleMs; waitedMs += POLL_INTERVAL_MS) {
      await delay(POLL_INTERVAL_MS);
      leaks = surplus(before);
    }
    assert.equal(leaks.join(", "), "", `still open after ${settleMs} ms: ${leaks.join(", ")}`);
  };
}

function countActive(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

function surplus(before: ReadonlyMap<string, number>): string[] {
  return [...countActive()]
    .map(([kind, count]) => [kind, count - (before.get(kind) ?? 0)] as const)
    .filter(([, more]) => more > 0)
    .map(([kind, more]) => `${more} ${kind}`);
}
