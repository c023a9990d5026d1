import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { flatness } from "#soak/flatness.js";
import { checkCount, countReason, SequenceChecker, sealed } from "#soak/verified-messages.js";

describe("the soak", () => {
  it("keeps every promise for a few seconds", { timeout: 90_000 }, (t) => {
    const program = fileURLToPath(new URL("../../soak/run.js", import.meta.url));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        "--expose-gc",
        program,
        "--minutes",
        "0.08",
        "--sample-seconds",
        "1",
        "--seed",
        "7",
        "--clients",
        "12",
        "--sessions",
        "8",
      ],
      { encoding: "utf8", timeout: 80_000 },
    );
    t.diagnostic(stdout);
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, /every promise was kept/);
  });
});

describe("SequenceChecker", () => {
  const messages = ["a", Buffer.from([1, 2, 3]), "", "水母"].map((body, i) => sealed("C", i, body));

  it("takes messages that come in order and whole", () => {
    const checker = new SequenceChecker();
    for (const message of messages) assert.equal(checker.check(message), undefined);
    assert.equal(checker.received, 4);
    assert.equal(checkCount(countReason(4), checker.received), undefined);
  });

  it("notices one that is lost, doubled or swapped", () => {
    const checker = new SequenceChecker();
    checker.check(messages[0]!);
    assert.match(checker.check(messages[2]!) ?? "", /2 came instead of 1/);
    const doubling = new SequenceChecker();
    doubling.check(messages[0]!);
    assert.match(doubling.check(messages[0]!) ?? "", /0 came instead of 1/);
  });

  it("notices a bit that was turned", () => {
    const altered = Buffer.from(messages[1] as Buffer);
    altered[altered.length - 1]! ^= 1;
    assert.match(new SequenceChecker().check(altered) ?? "", /altered/);
  });

  it("notices that the last ones before a clean close are missing", () => {
    assert.match(checkCount(countReason(4), 3) ?? "", /4 messages, of which 3 came/);
  });

  it("lets broadcasts begin anywhere, but leave nothing out", () => {
    const checker = new SequenceChecker();
    assert.equal(checker.check(sealed("B", 17, "x")), undefined);
    assert.equal(checker.check(sealed("B", 18, "x")), undefined);
    assert.match(checker.check(sealed("B", 20, "x")) ?? "", /broadcast 20 came instead of 19/);
  });

  it("lets sessions miss broadcasts, but not have them twice", () => {
    const checker = new SequenceChecker(true);
    assert.equal(checker.check(sealed("B", 17, "x")), undefined);
    assert.equal(checker.check(sealed("B", 19, "x")), undefined);
    assert.match(checker.check(sealed("B", 19, "x")) ?? "", /broadcast 19 came instead of 20/);
  });
});

describe("flatness", () => {
  const noise = (i: number): number => ((i * 7919) % 13) - 6;

  it("finds noise flat, and a warm-up before it", () => {
    const samples = Array.from({ length: 100 }, (_, i) => (i < 20 ? 50 + i : 100) + noise(i));
    assert.equal(flatness("heap", samples, 0).isFlat, true);
  });

  it("finds a slow growth in noise", () => {
    const samples = Array.from({ length: 100 }, (_, i) => 100 + i / 3 + noise(i));
    assert.equal(flatness("heap", samples, 0).isFlat, false);
  });
});
