import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LatencyHistogram } from "#bench/latency-histogram.js";

describe("a latency histogram", () => {
  it("gives quantiles within one percent of those of the sorted values", () => {
    const latency = fc.double({ min: 0.001, max: 60_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 300 }), (values) => {
        const histogram = new LatencyHistogram();
        for (const value of values) histogram.record(value, 1);
        const sorted = [...values].sort((a, b) => a - b);
        for (const share of [0.5, 0.99, 0.999, 1]) {
          const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
          const found = histogram.quantile(share);
          assert.ok(Math.abs(found - exact) <= exact * 0.01 + 0.0001, `${share}: ${found} and not ${exact}`);
        }
        assert.equal(histogram.summary().max, sorted.at(-1));
      }),
      { numRuns: 200 },
    );
  });

  it("weighs a latency by its count", () => {
    const histogram = new LatencyHistogram();
    histogram.record(1, 99);
    histogram.record(100, 1);
    const { mean, p50, p99, p999 } = histogram.summary();
    assert.ok(Math.abs(mean - 1.99) < 1e-9);
    assert.ok(Math.abs(p50 - 1) < 0.01);
    assert.ok(Math.abs(p99 - 1) < 0.01);
    assert.ok(Math.abs(p999 - 100) < 1);
  });

  it("has nothing to say of nothing, and takes what is out of its range", () => {
    const histogram = new LatencyHistogram();
    assert.deepEqual(histogram.summary(), { mean: 0, p50: 0, p99: 0, p999: 0, max: 0 });
    histogram.record(-1, 1);
    histogram.record(1e9, 1);
    assert.ok(histogram.quantile(1) > 200_000);
  });
});
