// Command: `npm run conformance` tests Hawser and the other implementations that are on this machine, writes
// docs/conformance.md, and a page with the wire of every case to build/conformance-report/.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import {
  type ConformanceReport,
  countVerdicts,
  FuzzingServer,
  testServer,
  writeReportFolder,
} from "hawser/conformance";
import { projectPath } from "#scripts/project-root.js";
import { markdownReport } from "./markdown-report.js";
import { type PeerProgram, peerPrograms } from "./peers.js";

const { peers, missing } = peerPrograms();
const reports: ConformanceReport[] = [];
for (const line of missing) console.log(`not tested: ${line}`);
for (const peer of peers) {
  const report = peer.tested === "server" ? await testServerProgram(peer) : await testClientProgram(peer);
  reports.push(report);
  console.log(`${report.agent} as ${report.tested}: ${JSON.stringify(countVerdicts(report.results))}`);
}
const page = await writeReportFolder(projectPath("build", "conformance-report"), reports);
const document = projectPath("docs", "conformance.md");
writeFileSync(document, markdownReport(reports, missing));
spawnSync(projectPath("node_modules", ".bin", "biome"), ["format", "--write", document], {
  stdio: "inherit",
});
console.log(`${document}\n${page}`);
const own = reports.filter(({ agent }) => agent.startsWith("Hawser "));
process.exitCode = own.every(({ results }) => countVerdicts(results).fail === 0) ? 0 : 1;

async function testServerProgram({ agent, command }: PeerProgram): Promise<ConformanceReport> {
  const child = start(command, ["ignore", "pipe", "ignore"]);
  try {
    const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
    return await testServer(`ws://127.0.0.1:${line.trim()}/`, { agent });
  } finally {
    await stop(child);
  }
}

async function testClientProgram({ agent, command }: PeerProgram): Promise<ConformanceReport> {
  const server = await FuzzingServer.listen({ port: 0 });
  const child = start([...command, server.url, agent], "ignore");
  try {
    await once(child, "exit");
    const [report] = server.reports;
    if (report === undefined) throw new Error(`${agent} ran no case`);
    return report;
  } finally {
    await stop(child);
    await server.close();
  }
}

function start(
  [program = "", ...programArguments]: readonly string[],
  stdio: "ignore" | ("ignore" | "pipe")[],
): ChildProcess {
  return spawn(program, programArguments, { stdio });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
