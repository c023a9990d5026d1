import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { checkLayers } from "#scripts/layer-check.js";
import { LAYERS, layerOf } from "#scripts/layers.js";
import { projectPath } from "#scripts/project-root.js";

/** The findings for a tree of files, given by their paths below `src/`. */
function findingsFor(files: Record<string, string>): readonly string[] {
  const root = mkdtempSync(join(tmpdir(), "hawser-layers-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return checkLayers(root).findings;
  } finally {
    rmSync(root, { recursive: true });
  }
}

function assertOneFinding(files: Record<string, string>, expected: RegExp): void {
  const findings = findingsFor(files);
  assert.equal(findings.length, 1, findings.join("\n"));
  assert.match(findings[0]!, expected);
}

describe("layerOf", () => {
  it("takes the longest path that fits, and whole names only", () => {
    assert.equal(layerOf("session/wire/packet.ts")?.path, "session/wire");
    assert.equal(layerOf("pubsub/room.ts")?.path, "pubsub");
    assert.equal(layerOf("pubsub/broker-port.ts")?.path, "pubsub/broker-port");
    assert.equal(layerOf("session/machinery/a.ts"), undefined);
  });

  it("lists only layers that exist", () => {
    const paths = new Set(LAYERS.map((layer) => layer.path));
    for (const layer of LAYERS) {
      const named = layer.mayImport === "every layer" ? [] : layer.mayImport;
      for (const name of [...named, ...(layer.mayImportTypesOf ?? [])]) assert.ok(paths.has(name), name);
    }
  });
});

describe("checkLayers", () => {
  it("finds nothing in a tree that keeps the rules", () => {
    const findings = findingsFor({
      "core/bytes.ts": "export const bytes = 1;",
      "protocol/frame.ts": 'import { bytes } from "../core/bytes.js";\nexport const frame = bytes / 2;',
      "codec/json.ts": "export interface Codec {}\nexport type Text = string;",
      "session/machine/outbox.ts":
        'import type { Codec } from "../../codec/json.js";\nexport type Outbox = Codec;',
      "node/server.ts": 'import net from "node:net";\nimport { frame } from "../protocol/frame.js";',
      "cli/serve.ts": 'import { serve } from "hawser/server";\nimport process from "node:process";',
      "entry/server.ts": 'export { frame } from "../protocol/frame.js";\nexport * from "../node/server.js";',
    });
    assert.deepEqual(findings, []);
  });

  it("refuses an import of a layer that the table does not allow, with file and line", () => {
    assertOneFinding(
      {
        "core/a.ts": '// line 1\nimport { b } from "../protocol/b.js";',
        "protocol/b.ts": "export const b = 1;",
      },
      /^src\/core\/a\.ts:2: imports \.\.\/protocol\/b\.js of protocol; core may import only: nothing$/,
    );
  });

  for (const [what, statement] of [
    ["a type-only import", 'import type { B } from "../node/b.js";'],
    ["a type-only import of a default that is called from", 'import type from from "../node/b.js";'],
    ["a default import that is called type", 'import type from "../node/b.js";'],
    ["a side-effect import", 'import "../node/b.js";'],
    ["a namespace import over several lines", 'import * as b\n  from\n  "../node/b.js";'],
    ["an import assignment", 'import b = require("../node/b.js");'],
    ["a dynamic import", 'const b = await import("../node/b.js");'],
    ["a type query", 'export type B = typeof import("../node/b.js");'],
    ["an import inside a template", `const b = \`\${{ a: 1 }}\${await import("../node/b.js")}\`;`],
    ["an import after a regular expression with quotes", 'const quote = /["/]/;\nimport "../node/b.js";'],
    ["an import after a division", 'const half = 4 / 2; import "../node/b.js"; const text = "/";'],
  ] as const) {
    it(`sees ${what}`, () => {
      assertOneFinding(
        { "protocol/a.ts": statement, "node/b.ts": "export type B = 1; export default 1;" },
        /imports \.\.\/node\/b\.js of node; protocol may import only: core/,
      );
    });
  }

  it("is not misled by comments, strings, templates, regular expressions and members", () => {
    const text = [
      '// import "ws"',
      '/* export * from "ws"; new Date() */',
      `const text = 'import "ws"';`,
      `const template = \`import "ws" \${ \`Math.random()\` }\`;`,
      'const pattern = /import "ws"/;',
      'const here = import.meta; const member = { import: 1, new: "Date" }; clock.Date.now;',
    ];
    assert.deepEqual(findingsFor({ "core/a.ts": text.join("\n") }), []);
  });

  it("allows only types where the table says so", () => {
    assertOneFinding(
      {
        "codec/json.ts": "export const json = 1;",
        "session/machine/a.ts": 'import { json } from "../../codec/json.js";',
      },
      /session\/machine may import only types of codec/,
    );
  });

  it("refuses re-exports outside of the entries", () => {
    assertOneFinding(
      { "core/a.ts": 'export { b } from "./b.js";', "core/b.ts": "export const b = 1;" },
      /a\.ts:1: re-exports from another file/,
    );
    assertOneFinding(
      { "core/a.ts": 'export type * as b from "./b.js";', "core/b.ts": "export type B = 1;" },
      /re-exports from another file/,
    );
  });

  it("refuses imports of an entry, also by another entry", () => {
    const server = { "entry/server.ts": "export const server = 1;" };
    assertOneFinding(
      { ...server, "node/a.ts": 'import "../entry/server.js";' },
      /nothing inside src imports from src\/entry/,
    );
    assertOneFinding(
      { ...server, "entry/all.ts": 'export * from "./server.js";' },
      /nothing inside src imports/,
    );
  });

  it("refuses dependencies, # names, the package's own name and what lies outside of src", () => {
    assertOneFinding({ "node/a.ts": 'import "ws";' }, /imports ws; Hawser has no runtime dependencies/);
    assertOneFinding({ "node/a.ts": 'import "net";' }, /imports net; Hawser has no runtime dependencies/);
    assertOneFinding({ "node/a.ts": 'import "#core/a.js";' }, /# names are for tests/);
    assertOneFinding({ "node/a.ts": 'import "hawser/client";' }, /inside src use a relative path/);
    assertOneFinding({ "node/a.ts": 'import "../../test/a.js";' }, /outside of src/);
  });

  it("makes the command use the package by its name", () => {
    assertOneFinding(
      { "cli/a.ts": 'import "../node/b.js";', "node/b.ts": "" },
      /cli uses the package by its name \("hawser\/\.\.\."\)/,
    );
  });

  it("refuses node: modules where the code must run anywhere", () => {
    for (const layer of ["core", "protocol", "web"]) {
      assertOneFinding({ [`${layer}/a.ts`]: 'import type { Socket } from "node:net";' }, /imports node:net/);
    }
  });

  it("refuses an import() that it cannot follow", () => {
    assertOneFinding({ "node/a.ts": "await import(name);" }, /not a plain string/);
  });

  it("refuses clocks and randomness in the sans-I/O layers only", () => {
    const text =
      "export const now = Date.now();\nexport const mask = Math.random();\nexport const day = new Date();\nexport const moon = new Date(0);\nexport const now2 = new Date;";
    const findings = findingsFor({ "protocol/a.ts": text, "node/a.ts": text });
    assert.equal(findings.length, 4, findings.join("\n"));
    assert.match(findings[0]!, /^src\/protocol\/a\.ts:1: uses Date\.now;/);
    assert.match(findings[1]!, /^src\/protocol\/a\.ts:2: uses Math\.random;/);
    assert.match(findings[2]!, /^src\/protocol\/a\.ts:3: uses new Date;/);
    assert.match(findings[3]!, /^src\/protocol\/a\.ts:5: uses new Date;/);
  });

  it("refuses file names that say nothing and files of no layer", () => {
    assertOneFinding({ "core/utils.ts": "" }, /the name says nothing/);
    assertOneFinding({ "shiny/thing.ts": "" }, /src\/shiny\/thing\.ts:1: belongs to no layer/);
  });

  it("finds import cycles, of types too, once each", () => {
    const findings = findingsFor({
      "core/a.ts": 'import type { B } from "./b.js"; export type A = B;',
      "core/b.ts": 'import { c } from "./c.js"; export type B = 1;',
      "core/c.ts": 'import type { A } from "./a.js"; export const c = 1;',
      "core/leads-to-it.ts": 'import "./a.js";',
      "core/own.ts": 'import "./own.js";',
    });
    assert.deepEqual(findings, [
      "import cycle: src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts",
      "import cycle: src/core/own.ts -> src/core/own.ts",
    ]);
  });

  it("finds nothing in Hawser itself", () => {
    assert.deepEqual(checkLayers(projectPath("src")).findings, []);
  });
});
