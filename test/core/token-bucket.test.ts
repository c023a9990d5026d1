import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TokenBucket } from "#core/token-bucket.js";

describe("a token bucket", () => {
  it("permits a burst, then asks to wait for what is owed", () => {
    const bucket = new TokenBucket(100, 1_000, 0);
    assert.equal(bucket.take(100, 0), 0);
    assert.equal(bucket.take(50, 0), 500);
    assert.equal(bucket.take(0, 400), 100);
    assert.equal(bucket.take(0, 500), 0);
  });

  it("gains no more than a burst, however long nothing is taken", () => {
    const bucket = new TokenBucket(100, 1_000, 0);
    assert.equal(bucket.take(100, 1e9), 0);
    assert.ok(bucket.take(1, 1e9) > 0);
  });

  it("permits one unit at once even where the burst is less", () => {
    assert.equal(new TokenBucket(1, 1, 0).take(1, 0), 0);
  });

  it("takes no clock that goes back for a gain", () => {
    const bucket = new TokenBucket(100, 1_000, 1_000);
    assert.equal(bucket.take(100, 1_000), 0);
    assert.equal(bucket.take(1, 0), 10);
  });

  it("never lets a sender that waits as it is told go above the rate, nor holds it below", () => {
    const takes = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 50 });
    const rate = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(takes, rate, fc.integer({ min: 1, max: 5_000 }), (units, perSecond, burstMs) => {
        const bucket = new TokenBucket(perSecond, burstMs, 0);
        const burst = Math.max(1, (perSecond * burstMs) / 1_000);
        let nowMs = 0;
        let taken = 0;
        for (const one of units) {
          nowMs += bucket.take(one, nowMs);
          taken += one;
          const allowed = burst + (perSecond * nowMs) / 1_000;
          assert.ok(taken <= allowed + 1e-3, `${taken} of ${allowed}`);
        }
        const neededMs = Math.max(0, ((taken - burst) / perSecond) * 1_000);
        assert.ok(nowMs <= neededMs + 1e-3, `${nowMs} instead of ${neededMs} ms`);
      }),
    );
  });
});
