import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { describe, it, type TestContext } from "node:test";
import { PROJECT_ROOT, projectPath } from "#scripts/project-root.js";

/** A dependant that knows nothing but `ws`, and asks for it both ways. */
const DEPENDANT = {
  "package.json": '{ "name": "dependant", "version": "1.0.0", "exports": "./index.mjs" }',
  "index.mjs": `
    import WebSocket, { createWebSocketStream, WebSocketServer } from "ws";
    import { createRequire } from "node:module";
    const required = createRequire(import.meta.url)("ws");
    const { Server } = required;
    console.log(required === WebSocket, Server === WebSocketServer, typeof createWebSocketStream, WebSocket.OPEN);
    console.log(String(WebSocketServer.prototype.close).includes("_shouldEmitClose") && "_link" in new WebSocket(null));
  `,
};
/** All that `docs/howto/migrate-from-ws.md` has to put there. */
const STAND_IN = {
  "package.json": JSON.stringify({
    name: "ws",
    version: "8.23.0",
    exports: { ".": { import: "./index.mjs", require: "./index.cjs" }, "./package.json": "./package.json" },
  }),
  "index.cjs": 'module.exports = require("hawser/ws");',
  "index.mjs": 'export * from "hawser/ws";\nexport { default } from "hawser/ws";',
};
const HOOKS = `
  import { registerHooks } from "node:module";
  registerHooks({ resolve: (name, context, next) => next(name === "ws" ? "hawser/ws" : name, context) });
`;

describe("hawser/ws in the place of ws", () => {
  it("by a package of two files that stands in for it", (t) => {
    const folder = application(t);
    write(join(folder, "node_modules", "ws"), STAND_IN);
    assert.equal(run(folder), "true true function 1\ntrue\n");
  });

  // `registerHooks` came with Node 22.15.
  if ("registerHooks" in nodeModule) {
    it("by hooks of Node, with ws itself installed", (t) => {
      const folder = application(t);
      symlinkSync(projectPath("node_modules", "ws"), join(folder, "node_modules", "ws"), "dir");
      write(folder, { "replace-ws.mjs": HOOKS });
      assert.equal(run(folder, "--import", "./replace-ws.mjs"), "true true function 1\ntrue\n");
    });
  }
});

/** A folder with Hawser and the dependant installed. */
function application(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hawser-alias-"));
  t.after(() => rmSync(folder, { recursive: true }));
  write(join(folder, "node_modules", "dependant"), DEPENDANT);
  symlinkSync(PROJECT_ROOT, join(folder, "node_modules", "hawser"), "dir");
  write(folder, { "main.mjs": 'import "dependant";' });
  return folder;
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

function run(folder: string, ...options: readonly string[]): string {
  return execFileSync(process.execPath, [...options, "main.mjs"], { cwd: folder, encoding: "utf8" });
}
