import type { ContenderId } from "./contender.js";
import { markdownTable } from "./markdown-table.js";
import { bytesText } from "./result-charts.js";
import type { BenchResults } from "./results.js";
import { readable, spreadOf } from "./statistics.js";

const LOADS = [
  "echo-20-16",
  "echo-1k-16",
  "echo-64k",
  "echo-20-1",
  "fan-out-16",
  "connect",
  "deflate-document-1k",
  "session-echo-128",
  "session-fan-out",
];
const MEMORY = ["memory-idle", "memory-compressed", "session-idle"];

/** The columns after the load: what of the contenders stands in each. Hawser's sessions stand where it is them that are measured. */
const COLUMNS: readonly (readonly [title: string, contenders: readonly ContenderId[]])[] = [
  ["Hawser", ["hawser-session", "hawser"]],
  ["`ws`", ["ws"]],
  ["Bun", ["bun"]],
  ["Socket.IO", ["socket.io"]],
];

/** The few figures that the README has: medians of CPU time and of memory. Undefined if a run has not all of them. */
export function readmeTable({ loads, memory }: BenchResults): string | undefined {
  const row = (title: string, medianOf: (contender: ContenderId) => string | undefined): string[] => [
    title,
    ...COLUMNS.map(([, contenders]) => contenders.map(medianOf).find((text) => text !== undefined) ?? ""),
  ];
  const rows = [
    ...LOADS.flatMap((id) => loads.filter((load) => load.id === id)).map(({ title, samples }) =>
      row(title, (contender) => {
        const list = samples[contender];
        return list && `${readable(spreadOf(list.map(({ cpuMicros }) => cpuMicros)).median)} µs`;
      }),
    ),
    ...MEMORY.flatMap((id) => memory.filter((one) => one.id === id)).map(({ title, connections, weights }) =>
      row(`${title}, ${connections.toLocaleString("en-US")} connections`, (contender) => {
        const list = weights[contender];
        return list && bytesText(spreadOf(list.map(({ rssBytes }) => rssBytes)).median);
      }),
    ),
  ];
  if (rows.length < LOADS.length + MEMORY.length) return undefined;
  return markdownTable(
    ["CPU of a server for a message, memory for a connection", ...COLUMNS.map(([title]) => title)],
    rows,
  );
}
