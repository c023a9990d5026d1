import type { Effort } from "./fuzz-target.js";
import { Random } from "./random.js";

/** Above this, no more cuts at every byte: they take time with the square of the length. */
const EVERY_CUT_UP_TO_BYTES = 1500;
/** Above this, not even one piece for each byte. */
const SINGLE_BYTES_UP_TO_BYTES = 5000;

/**
 * The ways in which bytes may arrive: whole, each byte alone, cut somewhere, and with {@link Effort.everyCut} in two at
 * every byte. Copies, since whoever receives them may change them.
 */
export function* splits(bytes: Buffer, seed: number, { everyCut }: Effort): Generator<Buffer[]> {
  yield [Buffer.from(bytes)];
  if (bytes.length < 2) return;
  const random = new Random(seed);
  yield cut(bytes, [random.below(bytes.length)]);
  yield cut(
    bytes,
    Array.from({ length: random.between(2, 12) }, () => random.below(bytes.length)),
  );
  if (bytes.length <= SINGLE_BYTES_UP_TO_BYTES) yield cut(bytes, [...bytes.keys()]);
  if (!everyCut || bytes.length > EVERY_CUT_UP_TO_BYTES) return;
  for (let at = 1; at < bytes.length; at++) yield cut(bytes, [at]);
}

/** Copies of the pieces between these positions. */
export function cut(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const ends = [...new Set(positions)].filter((at) => at > 0).sort((a, b) => a - b);
  ends.push(bytes.length);
  return ends.map((end, i) => Buffer.from(bytes.subarray(ends[i - 1] ?? 0, end)));
}
