import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { htmlReport } from "./html-report.js";
import type { ConformanceReport } from "./report.js";

/**
 * Adds reports to a folder: `index.html` shows all agents that are there, those of earlier runs too, and
 * `agents/*.json` keeps what it is made of. A new report of an agent replaces the old one.
 */
export async function writeReportFolder(
  folder: string,
  reports: readonly ConformanceReport[],
): Promise<string> {
  const agents = join(folder, "agents");
  await mkdir(agents, { recursive: true });
  for (const report of reports) {
    const name = `${report.agent}-${report.tested}`.replaceAll(/[^A-Za-z0-9._-]+/g, "_");
    await writeFile(join(agents, `${name}.json`), `${JSON.stringify(report)}\n`);
  }
  const files = (await readdir(agents)).filter((file) => file.endsWith(".json")).sort();
  const all = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(agents, file), "utf8")) as ConformanceReport),
  );
  const page = join(folder, "index.html");
  await writeFile(page, htmlReport(all));
  return page;
}
