import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { projectPath } from "#scripts/project-root.js";

const FOLDER = projectPath(".cache", "comparison");
const PACKAGES: Readonly<Record<string, string>> = {
  "socket.io": "4.8.4",
  "socket.io-client": "4.8.4",
  sockjs: "0.3.24",
  "sockjs-client": "1.6.1",
};

/** The versions that are compared with. */
export const VERSIONS: Readonly<Record<string, string>> = PACKAGES;

/** Loads one of the packages that are no dependency of this repository. */
export const requireFetched: NodeJS.Require = createRequire(join(FOLDER, "package.json"));

/** The path of a file of a fetched package. */
export function fetchedFile(...path: readonly string[]): string {
  return join(FOLDER, "node_modules", ...path);
}

/** Installs what is missing into `.cache/comparison/`, without install scripts. */
export function fetchPackages(): void {
  if (Object.keys(PACKAGES).every((name) => existsSync(fetchedFile(name)))) return;
  mkdirSync(FOLDER, { recursive: true });
  const wanted = Object.entries(PACKAGES).map(([name, version]) => `${name}@${version}`);
  process.stderr.write(`fetching ${wanted.join(", ")} into .cache/comparison/\n`);
  const { status } = spawnSync(
    "npm",
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", FOLDER, ...wanted],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  if (status !== 0) throw new Error("npm could not fetch what is compared with");
}
