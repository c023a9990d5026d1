import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";

function fuzz(...options: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [projectPath("build", "fuzz", "run.js"), ...options],
    { encoding: "utf8", timeout: 60_000 },
  );
  return { status, output: stdout + stderr };
}

describe("npm run fuzz", () => {
  it("prints the seed, what it did, and that nothing was found", () => {
    const { status, output } = fuzz("--target", "inflate", "--executions", "20", "--seed", "5");
    assert.equal(status, 0, output);
    assert.match(output, /^seed 5;/);
    assert.match(output, /'inflate' +│ 20 /);
    assert.match(output, /seed 5: nothing was found/);
  });

  it("tries one input that is kept", () => {
    const path = projectPath("fuzz", "corpus", "engine-server", "close-1005.json");
    const { status, output } = fuzz("--replay", path);
    assert.equal(status, 0, output);
    assert.match(output, /^engine-server: .*\nholds/);
  });

  it("names the targets where it does not know one", () => {
    const { status, output } = fuzz("--target", "x");
    assert.equal(status, 2);
    assert.match(output, /there are: server-handshake, /);
  });
});
