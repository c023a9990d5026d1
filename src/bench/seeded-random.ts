/** Numbers in [0, 1) that are the same for the same seed, so that every run and every contender gets the same load. */
export function seededRandom(seed: number): () => number {
  // mulberry32, in the public domain.
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
