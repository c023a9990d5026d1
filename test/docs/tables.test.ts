import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tableRows } from "./tables.js";

describe("tableRows", () => {
  it("finds rows with their section and the text above each cell", () => {
    const markdown = [
      "## `Limits`",
      "",
      "| limit | default |",
      "| ----- | :-----: |",
      "| `max` | 1,024   |",
      "| a max | 2       |",
    ].join("\n");
    assert.deepEqual(tableRows(markdown), [
      { section: "Limits", name: "max", isCode: true, cells: { limit: "`max`", default: "1,024" } },
      { section: "Limits", name: "a max", isCode: false, cells: { limit: "a max", default: "2" } },
    ]);
  });

  it("takes a new header after a gap, and leaves code alone", () => {
    const markdown =
      "| a |\n| - |\n| 1 |\n\n| b |\n| - |\n| 2 |\n```md\n# no heading\n| c |\n| - |\n| 3 |\n```\n";
    assert.deepEqual(
      tableRows(markdown).map(({ section, cells }) => [section, cells]),
      [
        ["", { a: "1" }],
        ["", { b: "2" }],
      ],
    );
  });

  it("does not cut a cell at an escaped bar", () => {
    assert.deepEqual(tableRows("| a | b |\n| - | - |\n| x \\| y | z |")[0]?.cells, { a: "x \\| y", b: "z" });
  });
});
