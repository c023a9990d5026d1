import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";

const NODE_MAJOR = Number.parseInt(process.versions.node, 10);

/** What a process has to do with V8's collector that allocates `mebibytes`, 64 KiB at a time, and keeps the last few. */
function collections(
  mebibytes: number,
  env: NodeJS.ProcessEnv = {},
): { minor: number; gc: string; inContexts: string } {
  const program = `
    import { runInNewContext } from "node:vm";
    import { PerformanceObserver, constants } from "node:perf_hooks";
    import { allocateBytes } from ${JSON.stringify(new URL(`file://${projectPath("dist", "node", "allocate-bytes.js")}`).href)};
    let minor = 0;
    const count = (list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) minor++;
    };
    const observer = new PerformanceObserver(count);
    observer.observe({ entryTypes: ["gc"] });
    const kept = [];
    for (let i = 0; i < ${mebibytes} * 16; i++) {
      const bytes = allocateBytes(65_536).fill(i);
      if (bytes.length !== 65_536) throw new Error("wrong length");
      kept[i & 7] = bytes;
      if (i % 16 === 0) await new Promise(setImmediate);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    count({ getEntries: () => observer.takeRecords() });
    console.log(JSON.stringify({ minor, gc: typeof globalThis.gc, inContexts: runInNewContext("typeof gc") }));
  `;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

describe("buffers of large messages", () => {
  it("have the young generation collected every 12 MiB, where V8 would not do it in time", () => {
    const env = { HAWSER_PLAIN_IO: undefined };
    const few = collections(6, env);
    const many = collections(12 * 20, env);
    if (NODE_MAJOR >= 22) assert.ok(many.minor - few.minor >= 18, `${few.minor}, ${many.minor}`);
    else assert.ok(many.minor - few.minor <= 12, `${few.minor}, ${many.minor}`);
  });

  it("show nobody the function that does it", () => {
    const { gc, inContexts } = collections(2 * 12, { HAWSER_PLAIN_IO: undefined });
    assert.deepEqual({ gc, inContexts }, { gc: "undefined", inContexts: "undefined" });
  });

  it("are left to V8 in the plain twin", () => {
    const { minor } = collections(12 * 20, { HAWSER_PLAIN_IO: "1" });
    assert.ok(minor <= 18, String(minor));
  });
});
