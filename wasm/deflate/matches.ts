import { HASH_BITS, HASH_BYTES, MATCHES, WINDOW_BYTES } from "./layout";

const MIN_MATCH: u32 = 4;
const MAX_MATCH: u32 = 258;
const HASH_FACTOR: u32 = 0x9e3779b1;
/** A match of the newer position that is so long is taken without a look at the older one. */
const GOOD_MATCH: u32 = 16;
/** Where literals follow each other for so long, every other position is looked at, and so on: it is not to be compressed. */
const PATIENCE_BITS: u32 = 6;

/**
 * Finds matches for `slot[from, until)` behind `slot[oldest, from)`, greedily: of the two latest positions with the same
 * hash of four bytes, and the one as far back as the last match was, the best one. Returns where the matches end in
 * MATCHES; literals behind the last one are not in it.
 */
export function findMatches(slot: u32, from: u32, until: u32, oldest: u32, maxDistance: u32): u32 {
  const table = slot + WINDOW_BYTES;
  const lowest = slot + oldest;
  const end = slot + until;
  const lastStart = <i32>end - <i32>MIN_MATCH;
  let distance = load<u32>(table + HASH_BYTES);
  let at = slot + from;
  let literals = at;
  let match = MATCHES;
  while (<i32>at <= lastStart) {
    const word = load<u32>(at);
    const bucket = table + bucketOf(word);
    const known = load<u32>(bucket);
    store<u32>(bucket, (known << 16) | (at - slot));
    // Positions may be stale, of anything before: only what lies between the oldest byte and this one counts.
    const reach = min<u32>(at - lowest, maxDistance);
    const again = at - distance;
    const newer = slot + (known & 0xffff);
    const older = slot + (known >> 16);
    const isAgain = distance - 1 < reach && load<u32>(again) === word;
    const isNewer = u32(load<u32>(newer) === word) & u32(at - newer - 1 < reach);
    const isOlder = u32(load<u32>(older) === word) & u32(at - older - 1 < reach);
    if ((u32(isAgain) | isNewer | isOlder) === 0) {
      at += 1 + ((at - literals) >> PATIENCE_BITS);
      continue;
    }
    const limit = min<u32>(at + MAX_MATCH, end);
    let start = again;
    let size = isAgain ? sameBytes(at, again, limit) : 0;
    if (size < GOOD_MATCH && isNewer !== 0) {
      const other = sameBytes(at, newer, limit);
      if (other > size) {
        size = other;
        start = newer;
      }
    }
    if (size < GOOD_MATCH && isOlder !== 0) {
      const other = sameBytes(at, older, limit);
      if (other > size) {
        size = other;
        start = older;
      }
    }
    distance = at - start;
    const next = at + size;
    const floor = at - reach;
    while (
      at > literals &&
      start > floor &&
      next - at < MAX_MATCH &&
      load<u8>(at - 1) === load<u8>(start - 1)
    ) {
      at--;
      start--;
    }
    size = next - at;
    store<u32>(match, (at - literals) | (size << 16));
    store<u32>(match + 4, distance);
    match += 8;
    // Some of what is skipped is entered, so that it is found again: the less, the longer it was the same.
    enter(slot, at + 2, min<i32>(next - 1, lastStart), size <= 32 ? 2 : size < MAX_MATCH ? 16 : 64);
    at = next;
    literals = next;
  }
  store<u32>(table + HASH_BYTES, distance);
  return match;
}

/** Enters positions up to `last`, addresses both. */
export function enter(slot: u32, first: u32, last: i32, step: u32): void {
  const table = slot + WINDOW_BYTES;
  for (let at = first; <i32>at <= last; at += step) {
    const bucket = table + bucketOf(load<u32>(at));
    store<u32>(bucket, (load<u32>(bucket) << 16) | (at - slot));
  }
}

/** Moves the window `slot[from, from + length)` to the beginning of the slot, and what the table knows with it. */
export function slideWindow(slot: u32, from: u32, length: u32): void {
  memory.copy(slot, slot + from, length);
  const table = slot + WINDOW_BYTES;
  const by = i16x8.splat(<i16>from);
  for (let i: u32 = 0; i < HASH_BYTES; i += 16) {
    v128.store(table + i, i16x8.sub_sat_u(v128.load(table + i), by));
  }
}

function bucketOf(word: u32): u32 {
  return ((word * HASH_FACTOR) >> (32 - HASH_BITS)) << 2;
}

/** How many bytes are the same at `a` and `b`, which begin with four that are; up to `end` of `a`. */
function sameBytes(a: u32, b: u32, end: u32): u32 {
  let p = a + 4;
  let q = b + 4;
  if (p + 8 <= end) {
    const difference = load<u64>(p) ^ load<u64>(q);
    if (difference !== 0) return 4 + (<u32>ctz(difference) >> 3);
    p += 8;
    q += 8;
  }
  for (; p + 16 <= end; p += 16, q += 16) {
    const same = i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(q)));
    if (same !== 0xffff) return p - a + ctz(~same);
  }
  for (; p < end && load<u8>(p) === load<u8>(q); p++) q++;
  return p - a;
}
