import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { it } from "node:test";
import { projectPath } from "#scripts/project-root.js";
import { describeWith } from "../support/requirements.js";

/** What came of a case: a line of JSON that the program writes. */
interface Outcome {
  readonly case: string;
  readonly error?: string;
  readonly where?: string;
}

/** What the programs of `test/interop/python` do: each is given a Node and the hub, which it starts, kills and starts again. */
const PROGRAMS = {
  "encodes and decodes the test vectors of the documents": "session_vectors.py",
  "finds that a server does what the document says": "session_strict.py",
  "judges random blocks as a server does": "session_random.py",
  "loses nothing, doubles nothing and keeps the order, whatever happens": "session_faults.py",
  "speaks a contract": "session_calls.py",
};
const HUB = projectPath("build", "test", "interop", "session-hub.js");

describeWith(
  "python3-websockets",
  "a client of sessions written from the documents alone, in Python",
  (python) => {
    for (const [does, program] of Object.entries(PROGRAMS)) {
      it(does, async (t) => {
        const child = spawn(
          python,
          [projectPath("test", "interop", "python", program), process.execPath, HUB],
          {
            env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
            stdio: ["ignore", "pipe", "pipe"],
          },
        );
        t.after(() => child.kill());
        const exit = once(child, "close");
        const complaints = text(child.stderr);
        let cases = 0;
        for await (const line of createInterface({ input: child.stdout })) {
          const outcome = JSON.parse(line) as Outcome;
          cases++;
          await t.test(outcome.case, () => {
            assert.equal(outcome.error, undefined, `${outcome.error}\n${outcome.where}`);
          });
        }
        assert.equal(await complaints, "");
        assert.deepEqual(await exit, [0, null]);
        assert.ok(cases > 0);
      });
    }
  },
);
