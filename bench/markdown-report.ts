import { judgeBars } from "./bars.js";
import type { ContenderId } from "./contender.js";
import { markdownTable } from "./markdown-table.js";
import { bytesText, resultCharts } from "./result-charts.js";
import type { BenchResults, LoadResult } from "./results.js";
import { ratioOf, readable, readableSpread, spreadOf } from "./statistics.js";

/**
 * The parts of docs/performance.md that a run writes, by the name in their markers.
 * @param others runs on other versions of Node, held against the same bars.
 */
export function markdownReport(
  results: BenchResults,
  others: readonly BenchResults[] = [],
): ReadonlyMap<string, string> {
  return new Map([
    ["circumstances", [results, ...others].map(circumstancesText).join("\n\n")],
    ["charts", chartsText(results)],
    ["bars", barsTable([results, ...others])],
    ["loads", loadTables(results)],
    ["memory", memoryTable(results)],
  ]);
}

function circumstancesText(results: BenchResults): string {
  const { machine, contenders } = results;
  const versions = new Map<string, string>();
  for (const one of Object.values(contenders)) versions.set(one.label, one.version);
  const names = [...versions].map(([label, version]) => `${label} ${version}`);
  const rounds = results.rounds === 1 ? "1 round" : `${results.rounds} rounds`;
  const notes = results.notes.map((note) => `- Not measured: ${note}.`);
  return [
    `Measured on ${results.at.slice(0, 10)} at commit ${results.commit} with Node ${results.node}: ${machine.cpu}, ` +
      `${machine.cores} cores, ${machine.system}, ${machine.isPinned ? "server and generator on a core each" : "processes not pinned"}; ` +
      `${rounds} of ${results.secondsPerSample} s. ${names.join(", ")}.`,
    ...(notes.length === 0 ? [] : ["", ...notes]),
  ].join("\n");
}

function chartsText(results: BenchResults): string {
  const names: Readonly<Record<string, string>> = {
    "bench-cpu.svg": "CPU time of the server for a message, by load and server",
    "bench-memory.svg": "Memory of the server for a connection, by state and server",
  };
  return [...resultCharts(results).keys()].map((file) => `![${names[file]}](images/${file})`).join("\n\n");
}

function barsTable(runs: readonly BenchResults[]): string {
  const judged = runs.map(judgeBars);
  const rows = judged[0]!.flatMap(({ title, demand, isStretch }, index) => {
    const ofRuns = judged.map((bars) => bars[index]!);
    if (ofRuns.every(({ verdict }) => verdict === "not measured")) return [];
    const cells = ofRuns.flatMap(({ measured, verdict }) => [
      measured,
      verdict === "missed" && !isStretch ? "**missed**" : verdict,
    ]);
    return [[title, `${demand}${isStretch ? " (stretch)" : ""}`, ...cells]];
  });
  const summaries = runs.map(({ node }, index) => {
    const demanded = judged[index]!.filter(
      ({ isStretch, verdict }) => !isStretch && verdict !== "not measured",
    );
    const met = demanded.filter(({ verdict }) => verdict === "met").length;
    return `on Node ${node.replace("v", "")} ${met} of ${demanded.length} bars are met`;
  });
  const head = ["load", "bar", ...runs.flatMap(({ node }) => [`Node ${node.replace("v", "")}`, ""])];
  const summary = summaries.join(", ");
  return `${summary[0]!.toUpperCase()}${summary.slice(1)}.\n\n${markdownTable(head, rows)}`;
}

function loadTables(results: BenchResults): string {
  const sections = [...new Set(results.loads.map(({ section }) => section))];
  return sections
    .map((section) => {
      const loads = results.loads.filter((load) => load.section === section);
      return `### ${section === "messages" ? "Messages" : section[0]!.toUpperCase() + section.slice(1)}\n\n${loads.map((load) => loadTable(results, load)).join("\n\n")}`;
    })
    .join("\n\n");
}

function loadTable({ contenders }: BenchResults, load: LoadResult): string {
  const ids = Object.keys(load.samples) as ContenderId[];
  const ours = load.samples[ids[0]!]!;
  const isCompression = load.section === "compression";
  const rows = ids.map((id, index) => {
    const samples = load.samples[id]!;
    const median = (pick: (sample: (typeof samples)[number]) => number): number =>
      spreadOf(samples.map(pick)).median;
    const cpu = (list: typeof samples): number[] => list.map(({ cpuMicros }) => cpuMicros);
    return [
      contenders[id]?.label ?? id,
      readable(median(({ cpuMicros }) => cpuMicros)),
      index === 0 ? "" : readableSpread(ratioOf(cpu(ours), cpu(samples))),
      Math.round(median(({ perSecond }) => perSecond)).toLocaleString("en-US"),
      ...(["p50", "p99", "p999"] as const).map((name) =>
        readable(median(({ latencyMs }) => latencyMs[name])),
      ),
      readable(median(({ rssBytes }) => rssBytes) / 1024 / 1024),
      ...(isCompression ? [readable(median(({ answerBytes }) => answerBytes ?? 0))] : []),
      `${Math.round(median(({ generatorBusy }) => generatorBusy) * 100)} %`,
    ];
  });
  const head = [
    `${load.title}`,
    "CPU µs",
    `${contenders[ids[0]!]?.label ?? ids[0]!} / this`,
    "a second",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "RSS MiB",
    ...(isCompression ? ["answer, bytes"] : []),
    "generator",
  ];
  return markdownTable(head, rows);
}

function memoryTable({ memory, contenders }: BenchResults): string {
  const rows = memory.flatMap(({ title, connections, weights }) =>
    (Object.keys(weights) as ContenderId[]).map((id, index) => {
      const list = weights[id]!;
      const alive = spreadOf(list.map((weight) => weight.connections)).median;
      const dropped = connections - alive;
      const peak = spreadOf(list.map(({ peakRssBytes }) => peakRssBytes)).median;
      return [
        index === 0 ? `${title}, ${connections.toLocaleString("en-US")} connections` : "",
        contenders[id]?.label ?? id,
        bytesText(spreadOf(list.map(({ rssBytes }) => rssBytes)).median),
        peak === 0 ? "" : bytesText(peak),
        bytesText(spreadOf(list.map(({ heapBytes }) => heapBytes)).median),
        bytesText(spreadOf(list.map(({ externalBytes }) => externalBytes)).median),
        dropped > 0 ? dropped.toLocaleString("en-US") : "",
      ];
    }),
  );
  return markdownTable(["connections", "", "RSS", "RSS, peak", "heap", "buffers", "dropped"], rows);
}
