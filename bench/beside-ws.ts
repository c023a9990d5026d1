import type { ContenderId } from "./contender.js";
import { markdownTable } from "./markdown-table.js";
import type { BenchResults } from "./results.js";
import { ratioOf, readable, spreadOf } from "./statistics.js";

const SERVERS: readonly ContenderId[] = ["ws", "hawser-ws", "hawser"];
const CLIENTS: readonly ContenderId[] = ["ws-client", "hawser-ws-client", "hawser-client"];
/** The loads that say most to whoever comes from `ws`. */
const LOADS = [
  "echo-20-16",
  "echo-1k-16",
  "echo-64k",
  "echo-20-1",
  "fan-out-16",
  "fan-out-1",
  "connect",
  "deflate-1k",
  "client-20-16",
];

/** `ws`, `hawser/ws` and Hawser's own API in one table, for docs/howto/migrate-from-ws.md; undefined if a run has not all of it. */
export function besideWsTable({ loads }: BenchResults): string | undefined {
  const rows = LOADS.flatMap((id) => {
    const load = loads.find((one) => one.id === id);
    if (load === undefined) return [];
    const [ws, dropIn, own] = (load.section === "clients" ? CLIENTS : SERVERS).map((contender) =>
      load.samples[contender]?.map(({ cpuMicros }) => cpuMicros),
    );
    if (ws === undefined || dropIn === undefined || own === undefined) return [];
    const micros = (list: readonly number[]): string => `${readable(spreadOf(list).median)} µs`;
    return [[load.title, micros(ws), micros(dropIn), readable(ratioOf(dropIn, ws).median), micros(own)]];
  });
  if (rows.length < LOADS.length) return undefined;
  return markdownTable(["load", "`ws`", "`hawser/ws`", "share", "`hawser/server`"], rows);
}
