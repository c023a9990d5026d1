import { judgeBars } from "./bars.js";
import type { ContenderId } from "./contender.js";
import { bytesText } from "./result-charts.js";
import type { BenchResults, LoadResult, MemoryResult } from "./results.js";
import { ratioOf, readable, readableSpread, spreadOf } from "./statistics.js";

/** Above this the generator was what was measured, if the server had time left. */
const SATURATED = 0.9;

/** A load for the terminal, as soon as it is done. */
export function loadText(load: LoadResult, labels: BenchResults["contenders"]): string {
  const ids = Object.keys(load.samples) as ContenderId[];
  const ours = load.samples[ids[0]!] ?? [];
  const isCompression = load.section === "compression";
  const rows = ids.map((id, index) => {
    const samples = load.samples[id]!;
    const median = (pick: (sample: (typeof samples)[number]) => number): number =>
      spreadOf(samples.map(pick)).median;
    const cpu = (list: typeof samples): number[] => list.map(({ cpuMicros }) => cpuMicros);
    const isSaturated = median(({ generatorBusy }) => generatorBusy) > SATURATED;
    const isIdle = median(({ busy }) => busy) < SATURATED;
    return [
      plain(labels[id]?.label ?? id),
      `${readable(median(({ cpuMicros }) => cpuMicros))} µs`,
      index === 0 ? "" : readableSpread(ratioOf(cpu(ours), cpu(samples))),
      `${Math.round(median(({ perSecond }) => perSecond)).toLocaleString("en-US")}/s`,
      ...(["p50", "p99", "p999"] as const).map((name) =>
        readable(median(({ latencyMs }) => latencyMs[name])),
      ),
      readable(median(({ rssBytes }) => rssBytes) / 1024 / 1024),
      ...(isCompression ? [readable(median(({ answerBytes }) => answerBytes ?? 0))] : []),
      `${Math.round(median(({ generatorBusy }) => generatorBusy) * 100)} %${isSaturated && isIdle ? " the generator was the bottleneck" : ""}`,
    ];
  });
  const head = [
    "",
    "CPU",
    "Hawser / this",
    "",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "RSS MiB",
    ...(isCompression ? ["answer, bytes"] : []),
    "generator",
  ];
  return `\n${load.title}\n${aligned([head, ...rows])}\n`;
}

/** A load of memory for the terminal. */
export function memoryText(result: MemoryResult, labels: BenchResults["contenders"]): string {
  const rows = (Object.keys(result.weights) as ContenderId[]).map((id) => {
    const weights = result.weights[id]!;
    const rss = spreadOf(weights.map(({ rssBytes }) => rssBytes));
    const peak = spreadOf(weights.map(({ peakRssBytes }) => peakRssBytes)).median;
    const alive = spreadOf(weights.map(({ connections }) => connections)).median;
    return [
      plain(labels[id]?.label ?? id),
      bytesText(rss.median),
      peak === 0 ? "" : bytesText(peak),
      bytesText(spreadOf(weights.map(({ heapBytes }) => heapBytes)).median),
      bytesText(spreadOf(weights.map(({ externalBytes }) => externalBytes)).median),
      alive < result.connections ? `${result.connections - alive} dropped` : "",
    ];
  });
  const connections = result.connections.toLocaleString("en-US");
  return `\na connection, ${result.title} (${connections})\n${aligned([["", "RSS", "RSS, peak", "heap", "buffers", ""], ...rows])}\n`;
}

/** What was to be reached, and whether it was. */
export function barsText(results: BenchResults): string {
  const rows = judgeBars(results)
    .filter(({ verdict }) => verdict !== "not measured")
    .map(({ title, demand, isStretch, measured, verdict }) => [
      verdict,
      title,
      plain(`${demand}${isStretch ? " (stretch)" : ""}`),
      measured,
    ]);
  return rows.length === 0 ? "" : `\nbars (CPU time and RSS of Hawser)\n${aligned(rows)}\n`;
}

function plain(text: string): string {
  return text.replaceAll("`", "");
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd())
    .join("\n");
}
