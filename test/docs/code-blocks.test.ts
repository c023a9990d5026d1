import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkBlocks, runProgram } from "./check-blocks.js";
import { type CodeBlock, codeBlocks, firstMissingLine, moduleText, promisedLines } from "./code-blocks.js";

function onlyBlock(markdown: string): CodeBlock {
  const blocks = codeBlocks("guide.md", markdown);
  assert.equal(blocks.length, 1);
  return blocks[0]!;
}

describe("codeBlocks", () => {
  it("finds TypeScript and leaves other languages alone", () => {
    const markdown =
      "# Guide\n\n```ts\nconst a = 1;\n```\n\n```sh\nnpm i\n```\n\n~~~typescript run\nawait 1;\n~~~\n";
    assert.deepEqual(
      codeBlocks("guide.md", markdown).map(({ line, code, run }) => ({ line, code, run })),
      [
        { line: 4, code: "const a = 1;", run: false },
        { line: 12, code: "await 1;", run: true },
      ],
    );
  });

  it("does not look into a longer fence", () => {
    assert.deepEqual(codeBlocks("guide.md", "````md\n```ts\nnot code\n```\n````\n"), []);
  });

  it("knows programs and code for pages", () => {
    assert.equal(onlyBlock("```ts browser\n```").browser, true);
    assert.equal(onlyBlock("```ts run\n```").run, true);
  });

  it("refuses a marker that it does not know", () => {
    assert.throws(() => codeBlocks("guide.md", "\n```ts rnu\n```"), /guide\.md:2: unknown marker "rnu"/);
  });

  it("refuses a block and a prelude that are never closed", () => {
    assert.throws(
      () => codeBlocks("guide.md", "```ts\nconst a = 1;"),
      /guide\.md:1: the block is never closed/,
    );
    assert.throws(
      () => codeBlocks("guide.md", "<!-- prelude:\n```ts\n```"),
      /guide\.md:1: the prelude has no -->/,
    );
  });

  it("refuses a prelude that is not directly above a TypeScript block", () => {
    assert.throws(
      () => codeBlocks("guide.md", "<!-- prelude: 1 -->\nText.\n```ts\n```"),
      /guide\.md:1: the prelude is not/,
    );
    assert.throws(
      () => codeBlocks("guide.md", "<!-- prelude: 1 -->\n```sh\n```"),
      /guide\.md:1: the prelude is not/,
    );
  });

  it("keeps code and prelude on their lines", () => {
    for (const markdown of [
      "Text.\n\n```ts\nfirst();\nsecond();\n```",
      "Text.\n<!-- prelude: declare const a: number; -->\n```ts\nfirst();\n```",
      "Text.\n\n<!-- prelude:\ndeclare const a: number;\ndeclare const b: string;\n-->\n\n```ts\nfirst();\n```",
    ]) {
      const source = markdown.split("\n");
      const compiled = moduleText(onlyBlock(markdown)).split("\n");
      assert.equal(compiled.indexOf("first();"), source.indexOf("first();"));
      const declaration = source.findIndex((line) => line.includes("declare const a"));
      assert.equal(
        compiled.findIndex((line) => line.includes("declare const a")),
        declaration,
      );
    }
  });
});

describe("promisedLines", () => {
  it("reads the comments of a program", () => {
    const block = onlyBlock('```ts run\nconsole.log("a"); // prints: a\n// prints: b c \n```');
    assert.deepEqual(promisedLines(block), ["a", "b c"]);
  });

  it("have to be printed in order, and others may come between", () => {
    assert.equal(firstMissingLine(["a", "b"], "a\nother\nb\n"), undefined);
    assert.equal(firstMissingLine(["a", "b"], "b\na\n"), "b");
    assert.equal(firstMissingLine(["a", "a"], "a\n"), "a");
  });
});

describe("checkBlocks", () => {
  const markdown = [
    "```ts",
    "const wrong: number = true;",
    "```",
    "<!-- prelude: declare const element: HTMLElement; -->",
    "```ts browser",
    "element.title = 1;",
    "```",
    "```ts run",
    'import process from "node:process";',
    "console.log(typeof process.pid); // prints: number",
    "```",
    "```ts run",
    'console.log("b"); // prints: a',
    "```",
    "```ts run",
    "await Promise.reject(new Error('broken'));",
    "```",
  ].join("\n");
  const blocks = codeBlocks("docs/guide.md", markdown);
  const [, , works, silent, broken] = blocks;
  const checked = checkBlocks(blocks, "docs-blocks-fixture");

  it("names the place in the Markdown file for every error, also of code for pages", () => {
    assert.equal(checked.errors.length, 2, checked.errors.join("\n"));
    assert.match(checked.errors[0]!, /^docs\/guide\.md:2:7: error TS2322:/);
    assert.match(checked.errors[1]!, /^docs\/guide\.md:6:1: error TS2322:/);
  });

  it("runs programs", async () => {
    await runProgram(works!, checked.programOf(works!));
  });

  it("refuses a program that does not print what it promises", async () => {
    await assert.rejects(
      runProgram(silent!, checked.programOf(silent!)),
      /docs\/guide\.md:13: .* did not print "a"/,
    );
  });

  it("refuses a program that fails, with its line in the Markdown file", async () => {
    await assert.rejects(
      runProgram(broken!, checked.programOf(broken!)),
      /docs\/guide\.md:16: the program ended with exit code 1[\s\S]*docs__guide\.md__L16\.ts:16:/,
    );
  });
});
