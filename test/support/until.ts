import { setTimeout as delay, setImmediate as nextRound } from "node:timers/promises";
import { PATIENCE_MS } from "./inbox.js";

/** Waits until `condition` holds, for what no event tells. Fails with `what` if it does not within `patienceMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const givesUpAt = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > givesUpAt) throw new Error(`never happened: ${what}`);
    await delay(2);
  }
}

/** Lets the event loop go round `count` times: what is going to happen without waiting for anybody has happened then. */
export async function rounds(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await nextRound();
}
