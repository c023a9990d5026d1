// Command: simulates sessions over a network with faults, and checks what docs/simulation.md says.
//   npm run simulate -- --runs 1000000 --seed 7    as many schedules, from this seed on
//   npm run simulate -- --runs 1 --seed 1234       one that failed, with its trace
//   npm run simulate -- --runs 1 --seed 7 --trace  the trace of one that did not
import process from "node:process";
import { parseArgs } from "node:util";
import { type SimulationCounts, simulate } from "./simulation.js";

const PROGRESS_MS = 10_000;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    trace: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
  },
});
const firstSeed = Number(values.seed);
const runs = Number(values.runs);
if (!Number.isSafeInteger(firstSeed) || !Number.isSafeInteger(runs) || runs < 1) {
  console.error("--runs and --seed are whole numbers");
  process.exit(2);
}

const startedMs = performance.now();
const seconds = (): string => ((performance.now() - startedMs) / 1_000).toFixed(1);
const sum: Record<keyof SimulationCounts, number> = {
  events: 0,
  delivered: 0,
  sessions: 0,
  takeovers: 0,
  resets: 0,
};
let toldMs = startedMs;
let failedSeed: number | undefined;
for (let seed = firstSeed; seed < firstSeed + runs && failedSeed === undefined; seed++) {
  try {
    const counts = simulate(seed, values.trace ? console.log : undefined);
    for (const name of Object.keys(sum) as (keyof SimulationCounts)[]) sum[name] += counts[name];
  } catch (thrown) {
    failedSeed = seed;
    // The same once more, and told this time.
    if (!values.quiet && !values.trace) traceOf(seed);
    console.log(`\nseed ${seed}, run ${seed - firstSeed + 1}: ${(thrown as Error).message}`);
    console.log(`again: npm run simulate -- --runs 1 --seed ${seed}`);
  }
  if (performance.now() - toldMs < PROGRESS_MS) continue;
  toldMs = performance.now();
  const done = seed - firstSeed + 1;
  console.log(`${done} of ${runs} in ${seconds()} s (${Math.round((100 * done) / runs)} %)`);
}
if (failedSeed === undefined) {
  console.log(`seeds ${firstSeed} to ${firstSeed + runs - 1}: all promises kept, in ${seconds()} s`);
  for (const [name, count] of Object.entries(sum)) console.log(`${String(count).padStart(12)} ${name}`);
} else process.exitCode = 1;

function traceOf(seed: number): void {
  try {
    simulate(seed, console.log);
  } catch {
    // As before.
  }
}
