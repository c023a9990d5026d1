import { execFileSync } from "node:child_process";

/** How many files and sockets a process may have open, as `ulimit -n` says. */
export function openFileLimit(): number {
  const limit = execFileSync("/bin/sh", ["-c", "ulimit -n"], { encoding: "utf8" }).trim();
  return limit === "unlimited" ? Infinity : Number(limit);
}
