import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { projectPath } from "#scripts/project-root.js";

/**
 * Type-checks programs against the built package, which they import by its name, with the strict flags of this one. Returns
 * the errors of each, as `line: TS2322: text`, in a directory within `build/` that is made anew.
 * @param common stands before each of them, and counts no lines.
 */
export function compile(
  programs: Readonly<Record<string, string>>,
  common: string,
  directoryName: string,
): ReadonlyMap<string, readonly string[]> {
  const directory = projectPath("build", directoryName);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const names = Object.keys(programs);
  const errors = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const [index, name] of names.entries()) {
    writeFileSync(
      join(directory, `p${index}.ts`),
      `${common.trim().replaceAll("\n", " ")}\n${programs[name]}`,
    );
  }
  writeFileSync(
    join(directory, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.base.json",
      compilerOptions: {
        composite: false,
        // By its package.json, as a user has it: what is `@internal` is not there.
        paths: {},
        declaration: false,
        isolatedDeclarations: false,
        noEmit: true,
        noUnusedLocals: false,
        noUnusedParameters: false,
        skipLibCheck: true,
        lib: ["ES2023"],
        types: ["node"],
      },
      files: names.map((_, index) => `p${index}.ts`),
    }),
  );
  const compiler = projectPath("node_modules", "typescript", "bin", "tsc");
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [compiler, "--project", directory, "--pretty", "false"],
    { cwd: directory, encoding: "utf8" },
  );
  if (stderr !== "") throw new Error(stderr);
  let last: string[] | undefined;
  for (const line of stdout.split("\n")) {
    const [, file, row, text] = /^(\S+\.ts)\((\d+),\d+\): error (TS.*)$/.exec(line) ?? [];
    if (file === undefined) {
      if (/^\S.*error/.test(line)) throw new Error(line);
      // What stands below an error says more of it.
      if (last !== undefined && line.trim() !== "") last.push(`${last.pop()}\n${line}`);
      continue;
    }
    const name = names[Number(/\d+/.exec(basename(file))![0])]!;
    last = errors.get(name)!;
    last.push(`${Number(row) - 1}: ${text}`);
  }
  return errors;
}
