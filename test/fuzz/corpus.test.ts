import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, describe, it } from "node:test";
import { conformanceCases } from "hawser/conformance";
import { loadCorpus } from "#fuzz/corpus.js";
import { FuzzSession } from "#fuzz/fuzz-session.js";
import { allTargets } from "#fuzz/targets.js";
import { KNOWN_DISAGREEMENTS } from "#fuzz/ws-disagreements.js";
import { leakCheck } from "../support/leak-check.js";

/** Executions of each target in `npm test`, on top of what is kept. */
const EXECUTIONS = 300;

const seed = randomInt(2 ** 31);
const targets = allTargets();

describe(`fuzzing with seed ${seed}`, () => {
  const noLeaks = leakCheck();
  after(async () => {
    for (const target of targets) await target.close?.();
    await noLeaks();
  });

  for (const target of targets) {
    const corpus = loadCorpus(target.name);

    it(`finds nothing in what is kept for ${target.name}, cut at every byte`, async () => {
      assert.ok(corpus.size > 0);
      const session = new FuzzSession(target, seed, []);
      for (const [name, { input }] of corpus) {
        assert.equal((await session.replay(input))?.message, undefined, name);
      }
    });

    it(`finds nothing in ${EXECUTIONS} executions of ${target.name}`, async (t) => {
      const replay = `npm run fuzz -- --target ${target.name} --seed ${seed} --executions ${EXECUTIONS}`;
      t.diagnostic(replay);
      const session = new FuzzSession(
        target,
        seed,
        [...corpus.values()].map(({ input }) => input),
      );
      for (let i = 0; i < EXECUTIONS; i++) {
        const found = await session.step();
        assert.equal(found?.finding.message, undefined, `${replay}\n${JSON.stringify(found?.input)}`);
      }
    });
  }
});

describe("the known disagreements with ws", () => {
  it("have an input each that is kept, and which they explain", async () => {
    const target = targets.find(({ name }) => name === "ws-difference")!;
    const corpus = loadCorpus(target.name);
    for (const { id } of KNOWN_DISAGREEMENTS) {
      const entry = corpus.get(`${id}.json`);
      assert.ok(entry !== undefined, id);
      const [outcome] = (await target.run(entry.input, { everyCut: false })).split(" ");
      assert.equal(outcome, id);
    }
  });

  it("name cases of the conformance suite that exist", () => {
    const ids = new Set(conformanceCases("server").map(({ id }) => id));
    for (const { conformanceCases: named } of KNOWN_DISAGREEMENTS) {
      for (const id of named) assert.ok(ids.has(id), id);
    }
  });
});
