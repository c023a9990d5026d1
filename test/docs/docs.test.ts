import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { PROJECT_ROOT, projectPath } from "#scripts/project-root.js";
import { checkBlocks, runProgram } from "./check-blocks.js";
import { codeBlocks } from "./code-blocks.js";
import { brokenLink, relativeLinks } from "./links.js";
import { markdownFiles } from "./markdown-files.js";

const files = markdownFiles();
const blocks = files.flatMap((file) => codeBlocks(file, readFileSync(projectPath(file), "utf8")));

describe("the documentation", () => {
  const checked = checkBlocks(blocks, "docs-blocks");

  it("has only TypeScript that the compiler accepts", () => {
    assert.equal(checked.errors.join("\n"), "");
  });

  for (const block of blocks.filter(({ run }) => run)) {
    it(`has a program that works at ${block.file}:${block.line}`, async () => {
      await runProgram(block, checked.programOf(block));
    });
  }

  it("has no relative link that leads nowhere", () => {
    const broken = files.flatMap((file) =>
      relativeLinks(readFileSync(projectPath(file), "utf8")).flatMap(({ line, target }) => {
        const problem = brokenLink(PROJECT_ROOT, file, target);
        return problem === undefined ? [] : [`${file}:${line}: ${target}: ${problem}`];
      }),
    );
    assert.equal(broken.join("\n"), "");
  });
});
