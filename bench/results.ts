import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { projectPath } from "#scripts/project-root.js";
import type { ContenderId } from "./contender.js";
import type { Sample } from "./measure.js";
import { CAN_PIN } from "./pinning.js";
import type { Weight } from "./weigh.js";

/** One value for each round. */
export type Rounds<T> = Partial<Record<ContenderId, readonly T[]>>;

/** What a run of the benchmark found, as it is stored. */
export interface BenchResults {
  readonly schema: 1;
  /** When it began, in ISO 8601. */
  readonly at: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly system: string;
    /** Whether each side had a core of its own. */
    readonly isPinned: boolean;
  };
  readonly node: string;
  /** The commit, with `+` if there were changes. */
  readonly commit: string;
  readonly rounds: number;
  readonly secondsPerSample: number;
  readonly isQuick: boolean;
  readonly contenders: Partial<Record<ContenderId, { readonly label: string; readonly version: string }>>;
  readonly loads: readonly LoadResult[];
  readonly memory: readonly MemoryResult[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** A load with what each contender did under it. */
export interface LoadResult {
  readonly id: string;
  readonly title: string;
  readonly section: string;
  readonly connections: number;
  readonly samples: Rounds<Sample>;
}

/** A state of connections with what each contender needs for them. */
export interface MemoryResult {
  readonly id: string;
  readonly title: string;
  readonly connections: number;
  readonly weights: Rounds<Weight>;
}

const FOLDER = projectPath("bench", "results");

/** What is known about the machine and the code before anything was measured. */
export function circumstances(): Pick<BenchResults, "schema" | "at" | "machine" | "node" | "commit"> {
  const git = (...gitArguments: string[]): string =>
    spawnSync("git", gitArguments, { cwd: projectPath(), encoding: "utf8" }).stdout?.trim() ?? "";
  return {
    schema: 1,
    at: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryBytes: totalmem(),
      system: `${platform()} ${release()} ${arch()}`,
      isPinned: CAN_PIN,
    },
    node: process.version,
    commit: `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") === "" ? "" : "+"}`,
  };
}

/** Stores a run under its time, and as the latest; gives the first path. */
export function storeResults(results: BenchResults): string {
  mkdirSync(FOLDER, { recursive: true });
  const text = `${JSON.stringify(results, null, 2)}\n`;
  const path = join(FOLDER, `${results.at.replaceAll(/[:.]/g, "-")}.json`);
  writeFileSync(path, text);
  writeFileSync(join(FOLDER, "latest.json"), text);
  return path;
}

/** Reads a run that was stored. */
export function readResults(path: string): BenchResults {
  const results = JSON.parse(readFileSync(path, "utf8")) as BenchResults;
  if (results.schema !== 1) throw new Error(`${path} was stored by another version of the benchmark`);
  return results;
}
