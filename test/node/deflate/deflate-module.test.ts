import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { projectPath } from "#scripts/project-root.js";
import { wasmModuleSource } from "#scripts/wasm-module-source.js";

it("the deflater in WebAssembly is what wasm/deflate is compiled to", async () => {
  const kept = readFileSync(projectPath("src", "node", "deflate", "deflate-module.ts"), "utf8");
  assert.ok(
    (await wasmModuleSource()) === kept,
    "`npm run build-wasm` has not been run since it was changed",
  );
});
