import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { inUnits } from "./attack.js";
import { ATTACKS } from "./attacks.js";
import { ownProcesses } from "./generators.js";
import { machineText, writeReport } from "./markdown-report.js";
import { type AttackResult, runAttack } from "./run-attack.js";

// npm run attack [-- --only TEXT] [--seconds N] [--clients N] [--seed N] [--json] [--write]
// Each attack gets a server of its own, in a process of its own on one core; honest clients and attackers are two more
// processes, on the other one. With --write the table goes into docs/attack-load.md. Exits with 1 if a promise is broken.

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "12" },
    clients: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const attacks = ATTACKS.filter(({ name }) => name.includes(values.only));
const cores = availableParallelism();
const results: AttackResult[] = [];

for (const [index, attack] of attacks.entries()) {
  process.stderr.write(`${index + 1}/${attacks.length} ${attack.name} ... `);
  const generators = ownProcesses(cores > 1 ? 1 : 0);
  try {
    const result = await runAttack(attack, {
      isFull: true,
      baselineSeconds: 3,
      seconds: Math.max(seconds, attack.minSeconds ?? 0),
      honestClients: Number(values.clients),
      honestIntervalMs: 50,
      generators,
      serverCore: 0,
      seed: Number(values.seed),
    });
    results.push(result);
    const { baseline, attacked, peakRssAbove, budget, problems } = result;
    process.stderr.write(problems.length === 0 ? "kept\n" : `BROKEN: ${problems.join("; ")}\n`);
    process.stderr.write(
      `    p50 ${baseline.p50Ms.toFixed(1)} -> ${attacked.p50Ms.toFixed(1)} ms, ` +
        `p99 ${baseline.p99Ms.toFixed(1)} -> ${attacked.p99Ms.toFixed(1)} ms, ` +
        `+${inUnits(peakRssAbove)} of ${inUnits(budget.bytes)}, ${JSON.stringify(result.ends)}, ` +
        `${JSON.stringify(result.refusals)}, seen ${JSON.stringify(result.seen)}\n`,
    );
  } finally {
    await generators.end();
  }
}

const report = { at: new Date().toISOString(), machine: machineText(), seconds, results };
mkdirSync("build/attack-results", { recursive: true });
writeFileSync("build/attack-results/latest.json", `${JSON.stringify(report, null, 2)}\n`);
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
if (values.write) writeReport(results, { seconds, clients: Number(values.clients) });
if (results.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
