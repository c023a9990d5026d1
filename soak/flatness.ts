/** What became of a quantity over time. */
export interface Flatness {
  readonly name: string;
  /** Medians of the first and of the last third, behind the warm-up. */
  readonly first: number;
  readonly last: number;
  /** By the straight line that fits best: how much it grew from the first sample to the last. */
  readonly growth: number;
  readonly isFlat: boolean;
}

/** What is left out at the beginning: code is compiled, pools and caches are filled. */
const WARM_UP_SHARE = 0.2;
/** What the last third may be above the first, beside a fixed slack: traffic is random. */
const MAX_RATIO = 1.15;

/**
 * The rule: behind the warm-up (a fifth), the median of the last third is at most 1.15 times that of the first third, and
 * the straight line that fits best grows by at most as much; both plus `slack`.
 */
export function flatness(name: string, samples: readonly number[], slack: number): Flatness {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const third = Math.max(1, Math.floor(warm.length / 3));
  const first = median(warm.slice(0, third));
  const last = median(warm.slice(-third));
  const growth = slope(warm) * Math.max(0, warm.length - 1);
  const allowed = first * (MAX_RATIO - 1) + slack;
  return { name, first, last, growth, isFlat: last - first <= allowed && growth <= allowed };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** By least squares, a sample. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let above = 0;
  let below = 0;
  for (const [i, value] of values.entries()) {
    above += (i - middle) * (value - mean);
    below += (i - middle) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

const BARS = "▁▂▃▄▅▆▇█";

/** Values over time as one line of text, from zero to the highest. */
export function chart(values: readonly number[], columns: number): string {
  const highest = Math.max(...values, 1);
  const width = Math.min(columns, values.length);
  return Array.from({ length: width }, (_, column) => {
    const from = Math.floor((column * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / width));
    const level = (median(values.slice(from, to)) / highest) * (BARS.length - 1);
    return BARS.charAt(Math.round(level));
  }).join("");
}
