import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { projectPath } from "#scripts/project-root.js";

const MODULE = pathToFileURL(projectPath("dist", "node", "node-buffer.js")).href;

describe("Node's class of Buffers", () => {
  for (const [name, plain] of [
    ["by its constructor", undefined],
    ["as documented", "1"],
  ] as const) {
    it(`makes views and zeroed bytes ${name}`, () => {
      const program = `
        import { NodeBuffer } from ${JSON.stringify(MODULE)};
        const { buffer } = new Uint8Array([1, 2, 3, 4, 5]);
        const view = new NodeBuffer(buffer, 1, 3);
        const zeroed = new NodeBuffer(100_000);
        const isShared = view.buffer === buffer;
        const areBuffers = Buffer.isBuffer(view) && Buffer.isBuffer(zeroed);
        console.log(JSON.stringify([[...view], isShared, zeroed.length, zeroed.every((byte) => byte === 0), areBuffers]));
      `;
      const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
        env: { ...process.env, HAWSER_PLAIN_IO: plain },
        encoding: "utf8",
      });
      assert.equal(stdout.trim(), "[[2,3,4],true,100000,true,true]", stderr);
    });
  }
});
