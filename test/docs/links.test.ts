import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { brokenLink, headingAnchors, relativeLinks } from "./links.js";

describe("relativeLinks", () => {
  it("finds links, images, definitions and HTML", () => {
    const markdown = [
      '[a](a.md) and [b](<b.md> "B"), [![c](c.svg)](d.md)',
      "[label]: e.md",
      '<img alt="" src="f.png"> <a href="#g">g</a>',
    ].join("\n");
    assert.deepEqual(
      relativeLinks(markdown).map(({ line, target }) => `${line} ${target}`),
      ["1 a.md", "1 b.md", "1 c.svg", "1 d.md", "2 e.md", "3 f.png", "3 #g"],
    );
  });

  it("leaves the web and code alone", () => {
    const markdown =
      "[a](https://example.com) [b](mailto:b@example.com) `[c](c.md)`\n```md\n[d](d.md)\n```\n";
    assert.deepEqual(relativeLinks(markdown), []);
  });
});

describe("headingAnchors", () => {
  it("names headings as GitHub does", () => {
    const anchors = headingAnchors("# The `close()` call\n## Why?\n## Why?\n```sh\n# no heading\n```\n");
    assert.deepEqual([...anchors], ["the-close-call", "why", "why-1"]);
  });
});

describe("brokenLink", () => {
  const root = mkdtempSync(join(tmpdir(), "hawser-links-"));
  after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "docs"));
  writeFileSync(join(root, "README.md"), "# Top\n");
  writeFileSync(join(root, "docs", "guide.md"), "# Guide\n");

  it("accepts files, directories and headings that exist", () => {
    for (const target of ["../README.md", "../README.md#top", "#guide", "..", "/docs/guide.md#guide"]) {
      assert.equal(brokenLink(root, "docs/guide.md", target), undefined, target);
    }
  });

  it("refuses files and headings that do not exist", () => {
    assert.equal(brokenLink(root, "docs/guide.md", "README.md"), "there is no such file");
    assert.equal(brokenLink(root, "docs/guide.md", "../README.md#bottom"), "there is no such heading");
    assert.equal(brokenLink(root, "docs/guide.md", "#top"), "there is no such heading");
  });
});
