import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";
import { MUTATIONS, type Mutation } from "#simulation/mutations.js";

/** The hardest to notice takes some 2,000. */
const RUNS = 12_000;
/** Always the same, so that what is noticed once is noticed always. */
const SEED = 1;

/** Makes every so many-th mistake, and sees whether the simulation notices: a part of them in each of several files. */
export function proveMutations(part: number, parts: number): void {
  describe(`the simulation, part ${part} of ${parts}`, () => {
    it("finds nothing in the machine as it is", async () => {
      await inCopy(async (folder) => {
        const { code, output } = await simulate(folder, 200);
        assert.equal(code, 0, output.slice(-5_000));
      });
    });

    for (const mutation of MUTATIONS.filter((_, i) => i % parts === part - 1)) {
      it(`notices a machine that ${mutation.name}`, async (t) => {
        await inCopy(async (folder) => {
          const { code, output } = await simulateWith(folder, mutation);
          const [what] = /^seed .*$/m.exec(output) ?? [];
          assert.ok(code === 1 && what !== undefined, `nobody notices: ${output}`);
          t.diagnostic(what);
        });
      });
    }
  });
}

/** Runs `use` with a folder in which the built machine and its simulation can be changed. */
async function inCopy(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "hawser-mutations-"));
  try {
    for (const part of [
      "package.json",
      "dist/core",
      "dist/session",
      "dist/testing",
      "build/simulation",
      "build/testbed",
    ])
      cpSync(projectPath(part), join(folder, part), { recursive: true });
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function simulateWith(folder: string, { name, edits }: Mutation) {
  const before = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const path = join(folder, "dist", "session", "machine", file);
    const source = readFileSync(path, "utf8");
    assert.equal(source.split(find).length, 2, `${name}: its text is not once in ${file}: ${find}`);
    if (!before.has(path)) before.set(path, source);
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
  }
  const result = await simulate(folder, RUNS);
  for (const [path, source] of before) writeFileSync(path, source);
  return result;
}

async function simulate(folder: string, runs: number): Promise<{ code: number; output: string }> {
  const child = spawn(
    process.execPath,
    [
      join(folder, "build", "simulation", "run.js"),
      "--runs",
      String(runs),
      "--seed",
      String(SEED),
      "--quiet",
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number]>,
  ]);
  return { code, output: output + errors };
}
