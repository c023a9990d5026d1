import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { projectPath } from "#scripts/project-root.js";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { requirement } from "../support/requirements.js";
import { FULL_PROOF, type ProofResult, SCENARIOS, SHORT_PROOF } from "./session-proof.js";

// npm run browser-proof [-- --short] [--only TEXT] [--write]
// Runs the client of sessions in Chromium through everything that `session-proof.ts` does to it, and prints what became of the
// messages. With --write, the table of docs/session-in-browsers.md. Exits with 1 if anything was lost, doubled or reordered.

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    write: { type: "boolean", default: false },
  },
});
const status = requirement("chromium");
if (!status.available) {
  console.error(status.skip);
  process.exit(1);
}
const browser = await chromium.launch({ executablePath: status.path, args: [...CHROMIUM_FLAGS] });
const rows: string[] = [];
let isGood = true;
for (const scenario of SCENARIOS.filter(({ name }) => name.includes(values.only))) {
  const startMs = performance.now();
  const result = await scenario.run(browser, values.short ? SHORT_PROOF : FULL_PROOF);
  const { counts, errors } = result;
  if (counts.lost + counts.doubled + counts.reordered + counts.altered + errors.length > 0) isGood = false;
  for (const error of errors) console.error(`  ${error}`);
  rows.push(rowOf(scenario.name, result));
  console.log(`${rows.at(-1)} ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
}
const table = [
  "| what happens | sent by page, server | lost | doubled | reordered | resets | transports | first live | resumed: times, p50, p99 |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  ...rows,
].join("\n");
if (values.write) {
  const path = projectPath("docs", "session-in-browsers.md");
  const page = readFileSync(path, "utf8");
  const intro = `Chromium ${browser.version()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}.`;
  const begin = "<!-- browser-proof -->";
  const end = "<!-- /browser-proof -->";
  const at = page.indexOf(begin) + begin.length;
  writeFileSync(path, `${page.slice(0, at)}\n\n${intro}\n\n${table}\n\n${page.slice(page.indexOf(end))}`);
  spawnSync(projectPath("node_modules", ".bin", "biome"), ["format", "--write", path], { stdio: "ignore" });
}
await browser.close();
process.exitCode = isGood ? 0 : 1;

function rowOf(
  name: string,
  { sent, counts, resets, transports, firstLiveMs, outagesMs, note }: ProofResult,
): string {
  const sorted = [...outagesMs].sort((a, b) => a - b);
  const at = (share: number): string =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!)} ms`;
  const steps = transports.filter((one, i) => one !== transports[i - 1]);
  const way = steps.length > 4 ? `${steps.slice(0, 4).join(", ")}...` : steps.join(", ");
  return `| ${[
    note === undefined ? name : `${name} (${note})`,
    `${sent[0]}, ${sent[1]}`,
    counts.lost,
    counts.doubled,
    counts.reordered,
    resets,
    way,
    `${Math.round(firstLiveMs)} ms`,
    sorted.length === 0 ? "-" : `${sorted.length}, ${at(0.5)}, ${at(0.99)}`,
  ].join(" | ")} |`;
}
