import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

/** The cores that this process may use; none where the system does not say. */
function allowedCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
    return list.split(",").flatMap((range) => {
      const [first = NaN, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  } catch {
    return [];
  }
}

const cores = allowedCores();

/** Whether processes can be kept on cores of their own. */
export const CAN_PIN: boolean =
  process.platform === "linux" && cores.length >= 2 && spawnSync("taskset", ["-V"]).status === 0;

/** Which part of a benchmark a process is. */
export type Part = "measured" | "workers" | "generator";

/** Workers have all cores but that of the generator. Of two, they have both, and share one with it. */
const CORES: Readonly<Record<Part, readonly (number | undefined)[]>> = {
  measured: [cores[0]],
  workers: cores.length > 2 ? cores.filter((core) => core !== cores[1]) : cores,
  generator: [cores[1]],
};

/** The command that runs another one on the cores of its part, with as many open files as the system lets it have. */
export function pinned(part: Part, command: readonly string[]): string[] {
  const isolated = CAN_PIN ? ["taskset", "-c", CORES[part].join(","), ...command] : [...command];
  if (process.platform === "win32") return isolated;
  return ["/bin/sh", "-c", 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"', "sh", ...isolated];
}

/** How many files a process of ours may have open. */
export function openFileLimit(): number {
  if (process.platform === "win32") return Infinity;
  const { stdout } = spawnSync("/bin/sh", ["-c", "ulimit -Hn"], { encoding: "utf8" });
  return stdout.trim() === "unlimited" ? Infinity : Number(stdout.trim());
}
