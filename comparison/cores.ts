import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

const CAN_PIN = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;

/** The command, with a core of its own for what is measured, and another one for what drives it. */
export function pinned(isMeasured: boolean, command: readonly string[]): string[] {
  const ofCore = CAN_PIN ? ["taskset", "-c", isMeasured ? "0" : "1", ...command] : [...command];
  return ["/bin/sh", "-c", 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"', "sh", ...ofCore];
}
