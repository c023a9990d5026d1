import type { SteppedClient } from "./stepped-client.js";

/** What a client's session is doing. */
export type ClientPhase = "connecting" | "live" | "recovering" | "waiting" | "ended";

/** What a client's session is doing: `connecting` before the first welcome, `waiting` until `machine.waitingUntilMs`. */
export function clientPhase(machine: SteppedClient): ClientPhase {
  if (machine.isEnded) return "ended";
  if (machine.active !== undefined) return "live";
  if (machine.waitingUntilMs < Infinity) return "waiting";
  return machine.wasLive ? "recovering" : "connecting";
}
