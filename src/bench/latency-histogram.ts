/** Steps of a doubling, as a power of two: 128 steps are an error below 0.4 %. */
const STEP_BITS = 7;
const STEPS = 1 << STEP_BITS;
/** 100 ns: what is added up per chunk is never more precise. */
const UNITS_PER_MS = 10_000;
const MAX_UNITS = 0x7fff_ffff;
const BUCKETS = (31 - STEP_BITS) * STEPS + STEPS;

/** What a histogram says about latencies, in milliseconds. */
export interface LatencySummary {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/**
 * Latencies in buckets that grow with the value, as those of HdrHistogram: a fixed relative error from 100 ns to three
 * minutes, and nothing allocated for a value.
 */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Counts that many values of one latency. */
  record(milliseconds: number, count: number): void {
    const units = Math.min(Math.max(Math.round(milliseconds * UNITS_PER_MS), 0), MAX_UNITS);
    const shift = Math.max(0, 31 - STEP_BITS - Math.clz32(units));
    this.#counts[(shift << STEP_BITS) + (units >>> shift)]! += count;
    this.#total += count;
    this.#sumMs += milliseconds * count;
    if (milliseconds > this.#maxMs) this.#maxMs = milliseconds;
  }

  /** The latency that this share of the values (0 to 1) does not exceed, in milliseconds; 0 if there are none. */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted) {
        const shift = Math.max(0, (bucket >> STEP_BITS) - 1);
        const middle = (bucket - (shift << STEP_BITS) + (shift === 0 ? 0 : 0.5)) * 2 ** shift;
        return Math.min(middle / UNITS_PER_MS, this.#maxMs);
      }
    }
    return 0;
  }

  /** The quantiles that reports show. */
  summary(): LatencySummary {
    return {
      mean: this.#total === 0 ? 0 : this.#sumMs / this.#total,
      p50: this.quantile(0.5),
      p99: this.quantile(0.99),
      p999: this.quantile(0.999),
      max: this.#maxMs,
    };
  }
}
