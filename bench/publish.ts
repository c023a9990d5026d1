import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { projectPath } from "#scripts/project-root.js";
import { besideWsTable } from "./beside-ws.js";
import { markdownReport } from "./markdown-report.js";
import { readmeTable } from "./readme-table.js";
import { resultCharts } from "./result-charts.js";
import type { BenchResults } from "./results.js";

const DOCUMENT = projectPath("docs", "performance.md");
const BESIDE_WS = projectPath("docs", "howto", "migrate-from-ws.md");
const README = projectPath("README.md");

/**
 * Writes a run into docs/performance.md, and what a whole run says in brief into the guide for who comes from `ws` and the README, between
 * their markers; draws its charts. Gives the paths.
 * @param others runs on other versions of Node, of which the bars are shown beside.
 */
export function publish(results: BenchResults, others: readonly BenchResults[]): string[] {
  const paths = [DOCUMENT];
  for (const [name, svg] of resultCharts(results)) {
    const path = projectPath("docs", "images", name);
    writeFileSync(path, svg);
    paths.push(path);
  }
  writeParts(DOCUMENT, markdownReport(results, others));
  const inBrief = [
    [BESIDE_WS, "beside-ws", besideWsTable(results)],
    [README, "readme", readmeTable(results)],
  ] as const;
  for (const [path, name, table] of inBrief) {
    if (table === undefined) continue;
    writeParts(path, new Map([[name, table]]));
    paths.push(path);
  }
  const pages = paths.filter((path) => path.endsWith(".md"));
  spawnSync(projectPath("node_modules", ".bin", "biome"), ["format", "--write", ...pages], {
    stdio: "ignore",
  });
  return paths;
}

function writeParts(path: string, parts: ReadonlyMap<string, string>): void {
  let text = readFileSync(path, "utf8");
  for (const [name, part] of parts) text = replacePart(text, name, part);
  writeFileSync(path, text);
}

/** Replaces what stands between `<!-- bench:name -->` and `<!-- /bench:name -->`. */
export function replacePart(text: string, name: string, part: string): string {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the document has no part between ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${part}\n\n${text.slice(to)}`;
}
