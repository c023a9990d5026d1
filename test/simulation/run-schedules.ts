import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import process from "node:process";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";

/**
 * So many in each of eight files: 100,000 in all, and none takes long on a busy machine. A tenth where they ran already on another Node:
 * what is simulated knows nothing of Node.
 */
const RUNS = process.env["HAWSER_SECOND_NODE"] === undefined ? 12_500 : 1_250;

/** Simulates schedules from a seed that nobody knows before. One that fails is printed with its seed and its trace. */
export function runSchedules(part: string): void {
  describe(`the session machine, ${part}`, () => {
    it(`keeps its promises in ${RUNS} schedules`, async (t) => {
      const seed = randomInt(2 ** 31);
      t.diagnostic(`npm run simulate -- --runs ${RUNS} --seed ${seed}`);
      const child = spawn(
        process.execPath,
        [
          "--max-semi-space-size=32",
          projectPath("build", "simulation", "run.js"),
          "--runs",
          `${RUNS}`,
          "--seed",
          `${seed}`,
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
      assert.equal(code, 0, output.slice(-20_000));
      assert.match(output, /all promises kept/);
    });
  });
}
