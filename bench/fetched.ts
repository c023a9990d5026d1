import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { projectPath } from "#scripts/project-root.js";

/** Where contenders are that no dependency of this repository brings: too large, or with an install script. */
export const FETCHED: string = projectPath(".cache", "bench", "package.json");
const FOLDER = projectPath(".cache", "bench");

/** The packages of Bun's native server, without the one that only downloads it. */
const BUN_PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64": "@oven/bun-linux-x64",
  "linux-arm64": "@oven/bun-linux-aarch64",
  "darwin-x64": "@oven/bun-darwin-x64",
  "darwin-arm64": "@oven/bun-darwin-aarch64",
};

/** What is fetched, with the version that was last measured. */
const PACKAGES: Readonly<Record<string, string>> = {
  bufferutil: "4.1.0",
  "socket.io": "4.8.4",
  ...(bunPackage() !== undefined && { [bunPackage()!]: "1.4.5" }),
};

/** The npm package of Bun for this machine; undefined if there is none. */
export function bunPackage(): string | undefined {
  return BUN_PACKAGES[`${process.platform}-${process.arch}`];
}

/** The folder of a fetched package; undefined if it is not there. */
export function fetchedPackage(name: string): string | undefined {
  const folder = join(FOLDER, "node_modules", ...name.split("/"));
  return existsSync(folder) ? folder : undefined;
}

/** Whether something is still to be fetched. */
export function isAnythingMissing(): boolean {
  return Object.keys(PACKAGES).some((name) => fetchedPackage(name) === undefined);
}

/** Installs what is missing into `.cache/bench/`, without running install scripts. False if npm could not. */
export function fetchContenders(): boolean {
  mkdirSync(FOLDER, { recursive: true });
  const wanted = Object.entries(PACKAGES).map(([name, version]) => `${name}@${version}`);
  process.stderr.write(`fetching ${wanted.join(", ")} into .cache/bench/ (some 100 MB, once)\n`);
  const { status } = spawnSync(
    "npm",
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", FOLDER, ...wanted],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return status === 0;
}
