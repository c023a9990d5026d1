import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { projectPath } from "#scripts/project-root.js";
import { VERSIONS } from "./fetched-packages.js";
import { IDLE_CLIENTS } from "./measure-load.js";
import type { Comparison, Measured } from "./run.js";

const PAGE = projectPath("docs", "comparison.md");
const BEGIN = "<!-- comparison -->";
const END = "<!-- /comparison -->";

/** Writes the results into docs/comparison.md, between its markers. */
export function publishComparison(comparison: Comparison): void {
  const text = readFileSync(PAGE, "utf8");
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/comparison.md has no part between ${BEGIN} and ${END}`);
  writeFileSync(
    PAGE,
    `${text.slice(0, from + BEGIN.length)}\n\n${comparisonPage(comparison)}\n\n${text.slice(to)}`,
  );
  spawnSync(projectPath("node_modules", ".bin", "biome"), ["format", "--write", PAGE], { stdio: "ignore" });
}

/** The results as Markdown. */
export function comparisonPage(comparison: Comparison): string {
  const { faults, wire, echo, fanOut, memory, channels, sizes } = comparison;
  const versions = Object.entries(VERSIONS).map(([name, version]) => `${name} ${version}`);
  const parts = [
    `Measured on ${comparison.at.slice(0, 10)} with Node ${comparison.node.slice(1)}, ${versions.join(", ")}.`,
  ];
  if (faults.length > 0) {
    const rows = faults.map(({ label, result: { toServer, toClient, recoveryMs } }) => [
      label,
      (toServer.sent + toClient.sent).toLocaleString("en-US"),
      `${toServer.lost} + ${toClient.lost}`,
      `${toServer.doubled} + ${toClient.doubled}`,
      `${toServer.reordered} + ${toClient.reordered}`,
      `${Math.round(quantile(recoveryMs, 0.5))} / ${Math.round(quantile(recoveryMs, 0.99))}`,
    ]);
    const head = [
      "40 cuts",
      "messages",
      "lost, up + down",
      "doubled",
      "out of order",
      "back after, p50 / p99 ms",
    ];
    parts.push("### Nothing lost", table(head, rows));
  }
  if (wire.length > 0) {
    const rows = wire.map(({ label, overheadBytes }) => [label, String(Math.round(overheadBytes))]);
    parts.push(
      "### On the wire",
      table(["125 messages of 128 B a second, each way", "bytes beside the message"], rows),
    );
  }
  if (echo.length > 0)
    parts.push("### CPU of the server", measuredTable("echo of 128 B, 16 in flight, 64 clients", echo, "µs"));
  if (fanOut.length > 0)
    parts.push(measuredTable("fan-out of 128 B to 500, 16 in flight, a delivery", fanOut, "µs"));
  if (memory.length > 0)
    parts.push(
      "### Memory of the server",
      measuredTable(`${IDLE_CLIENTS.toLocaleString("en-US")} idle clients, each`, memory, "bytes"),
    );
  if (channels !== undefined) {
    const rows = [
      ["alone", milliseconds(channels.alone, 0.5), milliseconds(channels.alone, 0.99)],
      ["beside 100 MB", milliseconds(channels.besideUpload, 0.5), milliseconds(channels.besideUpload, 0.99)],
    ];
    parts.push(
      "### A short message beside a long one",
      table(["there and back on its own channel", "p50 ms", "p99 ms"], rows),
    );
  }
  if (sizes.length > 0) {
    const rows = sizes.map(({ label, bytes, gzipBytes }) => [label, kilobytes(bytes), kilobytes(gzipBytes)]);
    parts.push("### What a page loads", table(["", "minified", "and gzipped"], rows));
  }
  return parts.join("\n\n");
}

function measuredTable(title: string, list: readonly Measured[], unit: string): string {
  const ours = quantile(list[0]!.values, 0.5);
  const rows = list.map(({ label, values }, index) => {
    const median = quantile(values, 0.5);
    const shown = unit === "bytes" ? Math.round(median).toLocaleString("en-US") : median.toFixed(2);
    const spread = `${least(values, unit)} to ${most(values, unit)}`;
    return [label, shown, spread, index === 0 ? "" : (ours / median).toFixed(2)];
  });
  return table([title, unit, "least to most", "Hawser / this"], rows);
}

function least(values: readonly number[], unit: string): string {
  return Math.min(...values).toFixed(unit === "bytes" ? 0 : 2);
}

function most(values: readonly number[], unit: string): string {
  return Math.max(...values).toFixed(unit === "bytes" ? 0 : 2);
}

function milliseconds(values: readonly number[], share: number): string {
  return quantile(values, share).toFixed(2);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
