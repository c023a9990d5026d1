import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, sep } from "node:path";
import process from "node:process";
import { PROJECT_ROOT, projectPath } from "#scripts/project-root.js";

/** What is installed: package.json with its lock, and the package `ws` that stands in for the real one. */
const SOURCE = projectPath("test", "compat", "ws", "dependants");

/** Which `ws` a dependant gets. */
export type WsName = "ws" | "hawser/ws";

/**
 * The folder with the dependants, installed once for each lock file, without running install scripts. All of them get
 * one `ws`, by `overrides` of npm, as `docs/howto/migrate-from-ws.md` shows it.
 */
export function dependantsFolder(): string {
  const lock = readFileSync(join(SOURCE, "package-lock.json"));
  const standIn = readFileSync(join(SOURCE, "ws", "package.json"));
  const version = createHash("sha256").update(lock).update(standIn).digest("hex").slice(0, 12);
  const folder = projectPath(".cache", "ws-dependants", version);
  const done = join(folder, "installed");
  if (existsSync(done)) return folder;
  mkdirSync(folder, { recursive: true });
  for (const name of ["package.json", "package-lock.json", "ws"])
    cpSync(join(SOURCE, name), join(folder, name), { recursive: true });
  const { status, stderr } = spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: folder, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`npm ci of the dependants failed: ${stderr}`);
  symlinkSync(PROJECT_ROOT, join(folder, "node_modules", "hawser"), "dir");
  writeFileSync(done, "");
  return folder;
}

let loaded: WsName | undefined;

/**
 * Loads a dependant with the `ws` that is asked for; anew, with all that it loads, where the one before was another.
 * @param name a package, or a path in one.
 */
// biome-ignore lint/suspicious/noExplicitAny: the dependants are no dependencies of ours, so their types are not here
export function loadWith(ws: WsName, name: string): any {
  const folder = dependantsFolder();
  const require = createRequire(join(folder, "package.json"));
  if (loaded !== ws)
    for (const path of Object.keys(require.cache))
      if (path.startsWith(folder + sep)) delete require.cache[path];
  loaded = ws;
  // Of the repository itself, so that there is one class of each.
  process.env["HAWSER_TEST_WS"] = createRequire(import.meta.url).resolve(ws);
  return require(name);
}
