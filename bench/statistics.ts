/** The middle of some numbers, with the least and the greatest of them. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/** The spread of some numbers; of none, it is NaN. */
export function spreadOf(numbers: readonly number[]): Spread {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0] ?? NaN, greatest: sorted.at(-1) ?? NaN };
}

/** The spread of the quotients of two series, round by round. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Spread {
  const rounds = Math.min(ours.length, theirs.length);
  return spreadOf(Array.from({ length: rounds }, (_, round) => ours[round]! / theirs[round]!));
}

/** A number with so many digits as are worth reading. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return "";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** `0.15 (0.14 to 0.17)`. */
export function readableSpread({ median, least, greatest }: Spread): string {
  if (Number.isNaN(median)) return "";
  return least === greatest
    ? readable(median)
    : `${readable(median)} (${readable(least)} to ${readable(greatest)})`;
}
