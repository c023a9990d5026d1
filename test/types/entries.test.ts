import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";

/** A file of JSON with comments that stand on lines of their own. */
function readConfig(name: string): unknown {
  return JSON.parse(readFileSync(projectPath(name), "utf8").replaceAll(/^\s*\/\/.*$/gm, ""));
}

type Exports = Readonly<Record<string, string | { readonly [condition: string]: unknown }>>;
type Paths = Readonly<Record<string, readonly string[]>>;

const { exports } = readConfig("package.json") as { readonly exports: Exports };
/** Those with types of their own in dist/types: `hawser/ws` has what its own build strips. */
const ENTRIES = Object.keys(exports).filter((entry) => entry !== "./ws" && entry !== "./package.json");
const ofFile = (path: string): string => /entry\/(.+?)\.(?:d\.)?ts$/.exec(path)![1]!;

/** What an entry's types are, in a page or elsewhere. */
function typesOf(entry: string, isPage: boolean): string {
  const target = exports[entry] as { readonly types?: string; readonly browser?: { readonly types: string } };
  return ofFile((isPage ? target.browser?.types : undefined) ?? target.types!);
}

/** What a CommonJS program is given: of a compiler that reads no `exports`, every one is. */
function requiredTypes(target: Exports[string]): unknown {
  const { types, require } = target as { readonly types?: string; readonly require?: { types: string } };
  return require?.types ?? types;
}

describe("the entry points of the package", () => {
  for (const [config, isPage] of [
    ["tsconfig.base.json", false],
    ["tsconfig.browser.json", true],
  ] as const) {
    it(`are all found by the projects of this repository: ${config}`, () => {
      const { compilerOptions } = readConfig(config) as { compilerOptions: { paths: Paths } };
      assert.deepEqual(
        Object.entries(compilerOptions.paths).map(([name, [path]]) => [name, ofFile(path!)]),
        ENTRIES.map((entry) => [`hawser${entry.slice(1)}`, typesOf(entry, isPage)]),
      );
    });
  }

  it("are for React Native what they are for a page: it has nothing of Node", () => {
    for (const [entry, target] of Object.entries(exports))
      if (typeof target === "object") assert.deepEqual(target["react-native"], target["browser"], entry);
  });

  it("are found by a compiler that reads no exports: moduleResolution node10", () => {
    const { types, typesVersions } = readConfig("package.json") as {
      readonly types: string;
      readonly typesVersions: { readonly "*": Paths };
    };
    const found = Object.entries(typesVersions["*"]).map(([name, [path]]) => [`./${name}`, path]);
    const wanted = Object.entries(exports)
      .filter(([entry]) => entry !== "./package.json")
      .map(([entry, target]) => [entry, requiredTypes(target)]);
    assert.deepEqual([[".", types], ...found], wanted);
  });

  it("all have published types", () => {
    const { files } = readConfig("src/tsconfig.public-types.json") as { files: readonly string[] };
    const wanted = new Set(ENTRIES.flatMap((entry) => [typesOf(entry, false), typesOf(entry, true)]));
    assert.deepEqual(new Set(files.map(ofFile)), wanted);
  });

  it("can all be required, on a Node that requires ESM", { skip: !requiresEsm() }, async () => {
    const require = createRequire(import.meta.url);
    for (const entry of Object.keys(exports)) {
      if (entry === "./package.json") continue;
      const name = `hawser${entry.slice(1)}`;
      const imported = (await import(name)) as object;
      for (const member of Object.keys(imported)) {
        if (member !== "default" && member !== "module.exports")
          assert.ok(member in require(name), `${name}: ${member}`);
      }
    }
  });
});

/** From 20.19 and 22.12 on. */
function requiresEsm(): boolean {
  return (process.features as { require_module?: boolean }).require_module === true;
}
