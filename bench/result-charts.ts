import { barChart, type ChartGroup } from "./bar-chart.js";
import type { ContenderId } from "./contender.js";
import type { BenchResults } from "./results.js";
import { readable, spreadOf } from "./statistics.js";
import type { Weight } from "./weigh.js";

/** The charts of docs/performance.md, by their file names. */
export function resultCharts(results: BenchResults): ReadonlyMap<string, string> {
  const charts = new Map<string, string>();
  const [cpu, memory] = [cpuChart(results), memoryChart(results)];
  if (cpu !== undefined) charts.set("bench-cpu.svg", cpu);
  if (memory !== undefined) charts.set("bench-memory.svg", memory);
  return charts;
}

const CHARTED: readonly ContenderId[] = ["hawser", "ws", "bun", "net", "ws-bufferutil"];
const CHARTED_SECTIONS: readonly string[] = ["messages", "TLS", "compression", "many connections"];
const FULL = 1.3;
const KIB = 1024;

function cpuChart(results: BenchResults): string | undefined {
  const groups = results.loads
    .filter(({ section, samples }) => CHARTED_SECTIONS.includes(section) && samples.ws !== undefined)
    .map(({ title, samples }): ChartGroup => {
      const medianOf = (id: ContenderId): number =>
        spreadOf((samples[id] ?? []).map(({ cpuMicros }) => cpuMicros)).median;
      return {
        title,
        bars: CHARTED.filter((id) => samples[id] !== undefined).map((id) => ({
          series: labelOf(results, id),
          value: medianOf(id) / medianOf("ws"),
          text: `${readable(medianOf(id))} µs`,
        })),
      };
    });
  if (groups.length === 0) return undefined;
  return barChart({
    title: "CPU time of the server for a message",
    subtitle: `As a share of what ws needs; shorter is better. The numbers are microseconds. ${whereOf(results)}`,
    fullValue: FULL,
    line: { value: 1, text: "ws = 1" },
    series: seriesOf(results, groups),
    groups,
  });
}

function memoryChart(results: BenchResults): string | undefined {
  const groups = results.memory
    .filter(({ weights }) => weights.ws !== undefined)
    .map(
      ({ title, connections, weights }): ChartGroup => ({
        title: `${title} (${connections.toLocaleString("en-US")})`,
        bars: CHARTED.filter((id) => weights[id] !== undefined).map((id) => {
          const bytes = medianRss(weights[id]);
          const value = Math.max(0, bytes / medianRss(weights.ws));
          return { series: labelOf(results, id), value, text: bytesText(bytes) };
        }),
      }),
    );
  if (groups.length === 0) return undefined;
  return barChart({
    title: "Memory of the server for a connection",
    subtitle: `Resident, as a share of what ws needs; shorter is better. ${whereOf(results)}`,
    fullValue: FULL,
    line: { value: 1, text: "ws = 1" },
    series: seriesOf(results, groups),
    groups,
  });
}

function medianRss(weights: readonly Weight[] | undefined): number {
  return spreadOf((weights ?? []).map(({ rssBytes }) => rssBytes)).median;
}

/** Bytes, KiB or MiB. */
export function bytesText(bytes: number): string {
  if (Math.abs(bytes) < 10 * KIB) return `${Math.round(bytes).toLocaleString("en-US")} B`;
  if (Math.abs(bytes) < KIB * KIB) return `${readable(bytes / KIB)} KiB`;
  return `${readable(bytes / KIB / KIB)} MiB`;
}

function labelOf({ contenders }: BenchResults, id: ContenderId): string {
  return (contenders[id]?.label ?? id).replaceAll("`", "");
}

function seriesOf(results: BenchResults, groups: readonly ChartGroup[]): string[] {
  const used = new Set(groups.flatMap(({ bars }) => bars.map(({ series }) => series)));
  return CHARTED.map((id) => labelOf(results, id)).filter((label) => used.has(label));
}

function whereOf({ node, at }: BenchResults): string {
  return `Node ${node.replace("v", "")}, ${at.slice(0, 10)}.`;
}
