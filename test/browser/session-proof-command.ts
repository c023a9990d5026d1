import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { projectPath } from "#scripts/project-root.js";
import type { RequirementId } from "#scripts/system-requirements.js";
import { requirement } from "../support/requirements.js";
import { ChromiumBrowser } from "./chromium-browser.js";
import { FirefoxBrowser } from "./firefox-browser.js";
import type { ProofBrowser } from "./proof-browser.js";
import { FULL_PROOF, type ProofResult, SCENARIOS, SHORT_PROOF } from "./session-proof.js";
import { WebKitBrowser } from "./webkit-browser.js";

// npm run browser-proof [-- --browser chromium,firefox,webkit] [--short] [--only TEXT] [--write]
// Runs the client of sessions in browsers through everything that `session-proof.ts` does to it, and prints what became of the
// messages. With --write, the tables of docs/session-in-browsers.md. Exits with 1 if anything was lost, doubled or reordered.

const STARTS: Readonly<Record<string, () => Promise<ProofBrowser>>> = {
  chromium: () => ChromiumBrowser.start(pathOf("chromium")),
  firefox: () => FirefoxBrowser.start(pathOf("firefox")),
  webkit: () => WebKitBrowser.start(pathOf("webkit"), pathOf("xvfb")),
};
const HEAD = [
  "| what happens | sent by page, server | lost | doubled | reordered | resets | transports | first live | resumed: times, p50, p99 |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];

const { values } = parseArgs({
  options: {
    browser: { type: "string", default: Object.keys(STARTS).join(",") },
    short: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    write: { type: "boolean", default: false },
  },
});
let isGood = true;
for (const id of values.browser.split(",")) {
  const start = STARTS[id];
  if (start === undefined) throw new Error(`no browser ${id}: ${Object.keys(STARTS).join(", ")}`);
  const browser = await start();
  console.log(browser.name);
  try {
    const rows = await prove(browser);
    if (values.write) write(id, browser.name, rows);
  } finally {
    await browser.close();
  }
}
process.exitCode = isGood ? 0 : 1;

function pathOf(id: RequirementId): string {
  const status = requirement(id);
  if (!status.available) throw new Error(status.skip);
  return status.path;
}

async function prove(browser: ProofBrowser): Promise<string[]> {
  const rows: string[] = [];
  const isEmulated = browser instanceof ChromiumBrowser;
  for (const scenario of SCENARIOS) {
    if (!scenario.name.includes(values.only) || (scenario.isEmulated && !isEmulated)) continue;
    const startMs = performance.now();
    const result = await scenario.run(browser, values.short ? SHORT_PROOF : FULL_PROOF);
    const { counts, errors } = result;
    if (counts.lost + counts.doubled + counts.reordered + counts.altered + errors.length > 0) isGood = false;
    for (const error of errors) console.error(`  ${error}`);
    rows.push(rowOf(scenario.name, result));
    console.log(`${rows.at(-1)} ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  }
  return rows;
}

/** The table of a browser in the document. */
function write(id: string, name: string, rows: readonly string[]): void {
  const path = projectPath("docs", "session-in-browsers.md");
  const page = readFileSync(path, "utf8");
  const intro = `${name}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}.`;
  const begin = `<!-- browser-proof:${id} -->`;
  const at = page.indexOf(begin) + begin.length;
  const end = page.indexOf(`<!-- /browser-proof:${id} -->`);
  const table = [...HEAD, ...rows].join("\n");
  writeFileSync(path, `${page.slice(0, at)}\n\n${intro}\n\n${table}\n\n${page.slice(end)}`);
  spawnSync(projectPath("node_modules", ".bin", "biome"), ["format", "--write", path], { stdio: "ignore" });
}

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
