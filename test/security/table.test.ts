import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { cellsOf, defenceTable, readTableFile, withTable } from "#scripts/defence-table.js";
import { DEFENCES } from "#scripts/defences.js";
import { projectPath } from "#scripts/project-root.js";

const proofs = DEFENCES.flatMap((defence) => defence.proofs);

/** The names of the tests of a suite, as they stand in its source. */
function testsOf(suite: string): string[] {
  const source = readFileSync(projectPath("test", "security", `${suite}.test.ts`), "utf8");
  return [...source.matchAll(/^test\("((?:[^"\\]|\\.)*)"/gm)].map((match) => match[1]!);
}

describe("the table of SECURITY.md", () => {
  it("is the one that the code has: `npm run prove-defences -- --table` writes it", () => {
    assert.deepEqual(cellsOf(readTableFile()), cellsOf(defenceTable()));
  });

  it("names tests that exist, and every test of test/security", () => {
    const suites = readdirSync(projectPath("test", "security"))
      .filter((name) => name.endsWith(".test.ts") && name !== "table.test.ts")
      .map((name) => name.replace(".test.ts", ""));
    const written = suites.flatMap((suite) => testsOf(suite).map((test) => `${suite}: ${test}`));
    const named = new Set(proofs.map(({ suite, test }) => `${suite}: ${test}`));
    assert.deepEqual([...named].sort(), written.sort());
  });

  it("has a test for each row, or says what is not there yet", () => {
    for (const { mistake, proofs: shown, notYet } of DEFENCES) {
      assert.ok(shown.length > 0 || notYet !== undefined, mistake);
    }
  });

  it("has switches that still fit the built package", () => {
    for (const { test, without } of proofs) {
      for (const { file, find } of without.replacements) {
        const path = projectPath("dist", file);
        assert.ok(existsSync(path), file);
        assert.equal(readFileSync(path, "utf8").split(find).length - 1, 1, `${test}: ${find}`);
      }
    }
  });

  it("stands between its markers, and nowhere else", () => {
    const document = readTableFile();
    const replaced = withTable(document, "| a |\n| --- |\n| b |");
    assert.deepEqual(cellsOf(replaced), [["a"], ["---"], ["b"]]);
    assert.equal(
      withTable(replaced, defenceTable()).replace(/\s+\|/g, " |"),
      withTable(document, defenceTable()).replace(/\s+\|/g, " |"),
    );
    assert.throws(() => withTable("no markers", "| a |"));
  });
});
