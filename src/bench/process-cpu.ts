import { readFileSync } from "node:fs";

/** What a process used so far. */
export interface ProcessUse {
  /** User and system time of all its threads. */
  readonly cpuSeconds: number;
  /** Memory that is resident now. */
  readonly rssBytes: number;
  /** The most memory that ever was resident. */
  readonly peakRssBytes: number;
}

/** What the kernel counts in, on every architecture of Linux (USER_HZ). */
const TICKS_PER_SECOND = 100;
const KIB = 1024;

/** Asks Linux about another process; undefined where there is no such process, or no `/proc`. */
export function processUse(pid: number): ProcessUse | undefined {
  try {
    // The name of the program, in parentheses, may have spaces and parentheses of its own.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const bytesOf = (name: string): number =>
      Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1] ?? 0) * KIB;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      rssBytes: bytesOf("VmRSS"),
      peakRssBytes: bytesOf("VmHWM"),
    };
  } catch {
    return undefined;
  }
}
