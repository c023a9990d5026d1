import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { projectPath } from "#scripts/project-root.js";
import { inUnits } from "./attack.js";
import type { Tally } from "./attack-field.js";
import type { AttackResult } from "./run-attack.js";

const FILE = "docs/attack-load.md";
const BEGIN = "<!-- attack-load: begin, written by npm run attack -- --write -->";
const END = "<!-- attack-load: end -->";

/** Where and with what this is measured. */
export function machineText(): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `Node ${process.version.slice(1)}, Linux ${release().split("-")[0]}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${memory} GiB`;
}

/** Puts the tables between the markers of `docs/attack-load.md`. */
export function writeReport(
  results: readonly AttackResult[],
  { seconds, clients }: { readonly seconds: number; readonly clients: number },
): void {
  const text = readFileSync(FILE, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end === -1) throw new Error(`${FILE} has lost its markers`);
  const broken = results.filter(({ problems }) => problems.length > 0);
  const lines = [
    BEGIN,
    "",
    `${new Date().toISOString().slice(0, 10)}, ${machineText()}. Each attack lasted ${seconds} s, where the table does not say longer; ${clients} honest clients.`,
    "",
    broken.length === 0
      ? "All promises were kept in all attacks: nothing thrown, nothing left, memory within the budget, every honest message answered."
      : `Promises were broken in: ${broken.map(({ name, problems }) => `${name} (${problems.join("; ")})`).join(", ")}.`,
    "",
    "### Honest clients",
    "",
    "| attack | attackers | echo p50 before, ms | p50 in attack | p99 before | p99 in attack | new connection p99 before | in attack | event loop p99 |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...results.map(({ name, connections, baseline, attacked, loopP99Ms }) =>
      row([
        name,
        connections.toLocaleString("en"),
        ms(baseline.p50Ms),
        ms(attacked.p50Ms),
        ms(baseline.p99Ms),
        ms(attacked.p99Ms),
        ms(baseline.connectP99Ms),
        ms(attacked.connectP99Ms),
        ms(loopP99Ms),
      ]),
    ),
    "",
    "### Memory",
    "",
    "| attack | peak RSS above idle | budget | how the budget is made up | heap left | external left |",
    "| --- | --- | --- | --- | --- | --- |",
    ...results.map(({ name, peakRssAbove, budget, left }) =>
      row([
        name,
        inUnits(peakRssAbove),
        inUnits(budget.bytes),
        budget.arithmetic,
        `${Math.round(left.heapUsed / 1024)} KiB`,
        `${Math.round(left.external / 1024)} KiB`,
      ]),
    ),
    "",
    "### How it ended for the attackers",
    "",
    "| attack | what they do | how the server ended connections | refused handshakes | what the attackers saw |",
    "| --- | --- | --- | --- | --- |",
    ...results.map(({ name, about, seconds: lasted, ends, refusals, seen }) =>
      row([
        name,
        lasted > seconds ? `${about} (${lasted} s)` : about,
        tally(ends),
        tally(refusals),
        tally(seen),
      ]),
    ),
    "",
  ];
  writeFileSync(FILE, `${text.slice(0, begin)}${lines.join("\n")}\n${text.slice(end)}`);
  spawnSync(projectPath("node_modules", ".bin", "biome"), ["format", "--write", FILE], { stdio: "ignore" });
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function ms(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function tally(counts: Tally): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([what, count]) => `${what}: ${count.toLocaleString("en")}`)
    .join(", ");
}
