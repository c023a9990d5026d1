// The thread of Watchdog: ends the process if one execution takes too long, and says which.
import { writeSync } from "node:fs";
import process from "node:process";
import { workerData } from "node:worker_threads";
import { HEARTBEAT, type WatchdogData } from "./watchdog.js";

/** Far above any execution with all its cuts, and the making of a small input, on a busy machine. */
const TOO_LONG_MS = 60_000;
const LOOK_EVERY_MS = 1000;

const { shared, targets, seed } = workerData as WatchdogData;
const beats = new Int32Array(shared);
let last = "";
let sinceMs = performance.now();

setInterval(() => {
  const target = targets[Atomics.load(beats, HEARTBEAT.target)] ?? "";
  const execution = Atomics.load(beats, HEARTBEAT.execution);
  const now = `${target} ${execution}`;
  if (now !== last) {
    last = now;
    sinceMs = performance.now();
  } else if (performance.now() - sinceMs > TOO_LONG_MS) {
    // Standard output goes through the main thread, which hangs.
    writeSync(2, `\nFOUND by ${target}: execution ${execution} never ends\n`);
    writeSync(2, `replay: npm run fuzz -- --target ${target} --seed ${seed} --executions ${execution}\n`);
    process.kill(process.pid, "SIGKILL");
  }
}, LOOK_EVERY_MS);
