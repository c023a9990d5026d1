import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ATTACKS } from "#attack/attacks.js";
import { ownProcess } from "#attack/generators.js";
import { runAttack } from "#attack/run-attack.js";

// The short version of `npm run attack`: the same attacks with fewer attackers, until what they must bring about was seen. Nothing is timed: what
// has to hold is that nothing is thrown, nothing is left, memory stays within the budget and honest clients are served.

/** So that what has to be ended by a deadline is seen to be ended. */
const SHORT_DEADLINES = { handshakeTimeoutMs: 800, closeTimeoutMs: 250 };

describe("a server under attack", { concurrency: 2 }, () => {
  for (const [index, attack] of ATTACKS.entries()) {
    it(`keeps its promises: ${attack.name}`, { timeout: 120_000 }, async (t) => {
      const result = await runAttack(attack, {
        isFull: false,
        baselineSeconds: 0.1,
        seconds: 60, // at most
        untilSeen: true,
        honestClients: 3,
        honestIntervalMs: 20,
        generators: ownProcess(),
        seed: index,
        server: SHORT_DEADLINES,
      });
      t.diagnostic(JSON.stringify({ ends: result.ends, refusals: result.refusals, seen: result.seen }));
      assert.deepEqual(result.problems, []);
    });
  }
});
