// Command: npm run simulate -- [--runs N] [--seed S] [--trace]
import process from "node:process";
import { parseArgs } from "node:util";
import { simulate } from "./simulation.js";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    trace: { type: "boolean", default: false },
  },
});
const first = Number(values.seed);
const runs = Number(values.runs);
const startedMs = performance.now();
let saidMs = startedMs;
const sum = { events: 0, delivered: 0, sessions: 0, takeovers: 0, resets: 0 };
for (let i = 0; i < runs; i++) {
  try {
    const counts = simulate(first + i, values.trace ? console.log : undefined);
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name];
  } catch (thrown) {
    const lines: string[] = [];
    try {
      simulate(first + i, (line) => lines.push(line));
    } catch {}
    console.log(lines.join("\n"));
    console.log(`\nseed ${first + i}, run ${i + 1}: ${(thrown as Error).message}`);
    console.log(`again: npm run simulate -- --runs 1 --seed ${first + i}`);
    process.exitCode = 1;
    break;
  }
  if (performance.now() - saidMs > 10_000) {
    saidMs = performance.now();
    console.log(`${i + 1} of ${runs} in ${Math.round((saidMs - startedMs) / 1000)} s`);
  }
}
if (process.exitCode === undefined) tellSum();

function tellSum(): void {
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`seeds ${first} to ${first + runs - 1}: all promises kept, ${seconds.toFixed(1)} s`, sum);
}
