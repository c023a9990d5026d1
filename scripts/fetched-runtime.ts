import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { projectPath } from "./project-root.js";
import type { RequirementStatus } from "./system-requirements.js";

/** A runtime whose npm package fetches its program in an install script; the package of the platform has it inside. */
interface FetchedRuntime {
  readonly version: string;
  /** By `process.platform` and `process.arch`. */
  readonly packages: Readonly<Record<string, string>>;
  /** Where the program is in the package. */
  readonly program: string;
}

/** The name of a runtime that can be fetched. */
export type RuntimeName = "bun" | "deno";

/** The runtimes that the tests run Hawser on, besides Node. */
export const FETCHED_RUNTIMES: Readonly<Record<RuntimeName, FetchedRuntime>> = {
  bun: {
    version: "1.4.5",
    packages: {
      "linux-x64": "@oven/bun-linux-x64",
      "linux-arm64": "@oven/bun-linux-aarch64",
      "darwin-x64": "@oven/bun-darwin-x64",
      "darwin-arm64": "@oven/bun-darwin-aarch64",
    },
    program: "bin/bun",
  },
  deno: {
    version: "2.9.6",
    packages: {
      "linux-x64": "@deno/linux-x64-glibc",
      "linux-arm64": "@deno/linux-arm64-glibc",
      "darwin-x64": "@deno/darwin-x64",
      "darwin-arm64": "@deno/darwin-arm64",
    },
    program: "deno",
  },
};

/** How long npm may take for one: some 40 MB. */
const FETCH_TIMEOUT_MS = 120_000;

/**
 * The program of a runtime, fetched by npm into `.cache/runtimes` where it is not there yet; or why it cannot be had. Each
 * has a folder of its own, so that several may be fetched at the same time.
 */
export function fetchedRuntime(name: RuntimeName): RequirementStatus {
  const { version, packages, program } = FETCHED_RUNTIMES[name];
  const packageName = packages[`${process.platform}-${process.arch}`];
  if (packageName === undefined) {
    return { available: false, skip: `no ${name} is known for ${process.platform}-${process.arch}` };
  }
  const folder = projectPath(".cache", "runtimes", `${name}-${version}`);
  const path = join(folder, "node_modules", ...packageName.split("/"), ...program.split("/"));
  const isUsable = (): boolean => existsSync(path) && spawnSync(path, ["--version"]).status === 0;
  if (isUsable()) return { available: true, path };
  mkdirSync(folder, { recursive: true });
  const wanted = `${packageName}@${version}`;
  const { status, stderr } = spawnSync(
    "npm",
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix", folder, wanted],
    { encoding: "utf8", timeout: FETCH_TIMEOUT_MS },
  );
  if (status === 0 && isUsable()) return { available: true, path };
  return { available: false, skip: `npm could not install ${wanted}: ${(stderr ?? "").trim().slice(-300)}` };
}
