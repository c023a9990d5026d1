import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { API, SymbolFlags } from "typescript/unstable/sync";
import { PROJECT_ROOT, projectPath } from "#scripts/project-root.js";

const DIRECTORY = projectPath("build", "docs-published-members");

/**
 * The members of the classes and interfaces that entry points export, inherited ones too, as a user's compiler sees them: from the
 * published types, without what is `@internal`.
 */
export function publishedMembers(entries: readonly string[]): ReadonlyMap<string, readonly string[]> {
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(DIRECTORY, { recursive: true });
  const configFile = join(DIRECTORY, "tsconfig.json");
  const files = entries.map((entry) => projectPath("dist", "types", "entry", `${entry}.d.ts`));
  writeFileSync(
    configFile,
    JSON.stringify({
      extends: "../../tsconfig.base.json",
      compilerOptions: { composite: false, noEmit: true, paths: {}, lib: ["ES2023"], types: ["node"] },
      files,
    }),
  );
  const api = new API({ cwd: PROJECT_ROOT });
  try {
    const { checker, program } = api.updateSnapshot({ openProjects: [configFile] }).getProject(configFile)!;
    const members = new Map<string, string[]>();
    for (const file of files) {
      const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
      for (const exported of checker.getExportsOfModule(module)) {
        const symbol =
          (exported.flags & SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported);
        if ((symbol.flags & (SymbolFlags.Interface | SymbolFlags.Class)) === 0) continue;
        const names = checker
          .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
          .map(({ name }) => name)
          // Private ones, and what is named by a symbol.
          .filter((name) => /^[a-z]/i.test(name));
        members.set(exported.name, names);
      }
    }
    return members;
  } finally {
    api.close();
  }
}
