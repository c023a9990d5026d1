import type { ContenderId } from "./contender.js";
import type { BenchResults } from "./results.js";
import { ratioOf, readable, readableSpread, spreadOf } from "./statistics.js";

/** What Hawser wants to reach under a load. All bars are of CPU time, or of memory. */
interface Bar {
  /** The load. */
  readonly id: string;
  /** What of Hawser is compared. Default: its socket. */
  readonly of?: ContenderId;
  /** The other to compare with; undefined compares with nothing. */
  readonly against: ContenderId | undefined;
  /** The most that Hawser may need: as a share of the other, or in bytes (more than the other's). */
  readonly most: number;
  readonly unit: "share" | "bytes";
  /** Whether it is what we hope for, and not what we demand. */
  readonly isStretch?: boolean;
}

/** A bar with what came of it. */
export interface JudgedBar {
  readonly title: string;
  readonly demand: string;
  readonly isStretch: boolean;
  readonly measured: string;
  readonly verdict: "met" | "missed" | "not measured";
}

function share(id: string, against: ContenderId, most: number, isStretch = false): Bar {
  return { id, against, most, unit: "share", isStretch };
}

function sessionShare(id: string, against: ContenderId, most: number, isStretch = false): Bar {
  return { ...share(id, against, most, isStretch), of: "hawser-session" };
}

const BARS: readonly Bar[] = [
  share("echo-20-16", "ws", 1 / 12),
  share("echo-20-16", "bun", 1),
  share("echo-1k-16", "ws", 1 / 7),
  share("echo-1k-16", "bun", 1),
  share("echo-1k-16", "net", 1, true),
  share("echo-20-1", "ws", 0.75),
  share("echo-20-1", "net", 1),
  share("echo-20-1", "bun", 1.2, true),
  share("echo-64k", "ws", 0.55),
  share("echo-64k", "bun", 1),
  share("echo-1m", "ws", 0.8),
  share("echo-1m", "bun", 1),
  share("fan-out-16", "ws", 1 / 15),
  share("fan-out-16", "bun", 1.1),
  share("fan-out-16", "bun", 1, true),
  share("fan-out-1", "ws", 0.75),
  share("fan-out-1", "bun", 1, true),
  share("connect", "ws", 0.5),
  share("connect", "ws", 0.35, true),
  ...["", "document-", "same-"].flatMap((content) =>
    ["256", "1k", "16k"].flatMap((size) => [
      share(`deflate-${content}${size}`, "ws", 1 / 10),
      share(`deflate-${content}${size}`, "bun", 0.8),
      share(`deflate-${content}${size}`, "ws", 1 / 20, true),
    ]),
  ),
  { id: "memory-idle", against: "net", most: 400, unit: "bytes" },
  { id: "memory-idle", against: undefined, most: 3_500, unit: "bytes", isStretch: true },
  share("memory-compressed", "ws", 1 / 10),
  sessionShare("session-echo-128", "hawser", 1.3),
  sessionShare("session-echo-128", "socket.io", 1 / 8),
  sessionShare("session-fan-out", "hawser", 1.3, true),
  sessionShare("session-fan-out", "socket.io", 1 / 10),
  sessionShare("session-idle", "socket.io", 0.5),
];

/** Holds a run against the bars. A bar is met if the median is. */
export function judgeBars(results: BenchResults): JudgedBar[] {
  return BARS.map((bar) => {
    const found = valuesOf(results, bar.id);
    const isStretch = bar.isStretch === true;
    const demand = demandOf(bar, results);
    const title = found?.title ?? bar.id;
    const ours = found?.values[bar.of ?? "hawser"];
    const theirs = bar.against === undefined ? undefined : found?.values[bar.against];
    if (ours === undefined || (bar.against !== undefined && theirs === undefined)) {
      return { title, demand, isStretch, measured: "", verdict: "not measured" };
    }
    const spread =
      bar.unit === "share"
        ? ratioOf(ours, theirs!)
        : spreadOf(ours.map((value, round) => value - (theirs?.[round] ?? 0)));
    const verdict = spread.median <= bar.most ? "met" : "missed";
    return { title, demand, isStretch, measured: readableSpread(spread), verdict };
  });
}

interface Values {
  readonly title: string;
  readonly values: Partial<Record<ContenderId, readonly number[]>>;
}

/** CPU microseconds of a load, or bytes of RSS of one of memory. */
function valuesOf({ loads, memory }: BenchResults, id: string): Values | undefined {
  const load = loads.find((one) => one.id === id);
  if (load !== undefined) return { title: load.title, values: pluck(load.samples, "cpuMicros") };
  const weighed = memory.find((one) => one.id === id);
  return weighed && { title: `a connection, ${weighed.title}`, values: pluck(weighed.weights, "rssBytes") };
}

function pluck<K extends string>(
  rounds: Partial<Record<ContenderId, readonly Readonly<Record<K, number>>[]>>,
  key: K,
): Values["values"] {
  return Object.fromEntries(
    Object.entries(rounds).map(([id, samples]) => [id, samples.map((sample) => sample[key])]),
  );
}

function demandOf({ against, most, unit }: Bar, { contenders }: BenchResults): string {
  const other = against === undefined ? "" : (contenders[against]?.label ?? against);
  if (unit === "bytes") return against === undefined ? `<= ${most} bytes` : `<= ${other} + ${most} bytes`;
  const factor = most < 0.2 ? `1/${Math.round(1 / most)} of` : most === 1 ? "" : `${readable(most)} of`;
  return ["<=", factor, other].filter((word) => word !== "").join(" ");
}
