import { BY_LENGTH, COUNTS, LEAVES, TREE, UNSORTED } from "./layout";

/** The symbols that are in use stand in nine bits, below their frequency. */
const SYMBOL_BITS: u32 = 9;
const SYMBOL_MASK: u32 = 511;
const INSERTION_SORT_UP_TO: u32 = 40;

/** Zeroes `bytes`, or up to 15 more. */
export function clear(at: u32, bytes: u32): void {
  const zero = i64x2.splat(0);
  for (let i: u32 = 0; i < bytes; i += 16) v128.store(at + i, zero);
}

export function count(at: u32): void {
  store<u32>(at, load<u32>(at) + 1);
}

/** How many bits so many of each symbol take; `symbols` is rounded up to a multiple of four. */
export function bitsOf(frequencies: u32, codes: u32, symbols: u32): u32 {
  let sum = i32x4.splat(0);
  for (let i: u32 = 0; i < symbols << 2; i += 16) {
    const lengths = i32x4.shr_u(v128.load(codes + i), 16);
    sum = i32x4.add(sum, i32x4.mul(v128.load(frequencies + i), lengths));
  }
  return (
    i32x4.extract_lane(sum, 0) +
    i32x4.extract_lane(sum, 1) +
    i32x4.extract_lane(sum, 2) +
    i32x4.extract_lane(sum, 3)
  );
}

/** Counts `lengths`, as {@link makeLengths} does on the way. */
export function countLengths(lengths: u32, symbols: u32): void {
  clear(BY_LENGTH, 64);
  for (let i: u32 = 0; i < symbols; i++) count(BY_LENGTH + ((<u32>load<u8>(lengths + i)) << 2));
}

/** The canonical codes of `lengths`, u8 of each symbol, which were counted (RFC 1951 §3.2.2). */
export function makeCodes(lengths: u32, symbols: u32, codes: u32): void {
  let code: u32 = 0;
  let before: u32 = 0;
  for (let length: u32 = 1; length < 16; length++) {
    code = (code + before) << 1;
    before = load<u32>(BY_LENGTH + (length << 2));
    store<u32>(BY_LENGTH + (length << 2), code);
  }
  for (let i: u32 = 0; i < symbols; i++) {
    const length = <u32>load<u8>(lengths + i);
    let entry: u32 = 0;
    if (length !== 0) {
      const at = BY_LENGTH + (length << 2);
      const next = load<u32>(at);
      store<u32>(at, next + 1);
      entry = (reversed(next) >> (16 - length)) | (length << 16);
    }
    store<u32>(codes + (i << 2), entry);
  }
}

/** 16 bits, the other way round. */
function reversed(bits: u32): u32 {
  let x = ((bits & 0x5555) << 1) | ((bits >> 1) & 0x5555);
  x = ((x & 0x3333) << 2) | ((x >> 2) & 0x3333);
  x = ((x & 0x0f0f) << 4) | ((x >> 4) & 0x0f0f);
  return ((x & 0xff) << 8) | (x >> 8);
}

/** The lengths of a Huffman code in which no symbol has more than `most` bits. */
export function makeLengths(frequencies: u32, symbols: u32, most: u32, lengths: u32): void {
  clear(lengths, symbols);
  let leaves: u32 = 0;
  let highest: u32 = 0;
  for (let i: u32 = 0; i < symbols; i++) {
    const frequency = load<u32>(frequencies + (i << 2));
    if (frequency === 0) continue;
    if (frequency > highest) highest = frequency;
    store<u32>(LEAVES + (leaves++ << 2), (frequency << SYMBOL_BITS) | i);
  }
  if (leaves < 2) {
    if (leaves === 1) store<u8>(lengths + (load<u32>(LEAVES) & SYMBOL_MASK), 1);
    countLengths(lengths, symbols);
    return;
  }
  if (leaves > INSERTION_SORT_UP_TO) radixSort(leaves, highest);
  else insertionSort(leaves);
  makeTree(leaves);
  countDepths(leaves, most);
  // The rarest symbols, which come first, get the longest codes.
  let length = most;
  let left = load<u32>(BY_LENGTH + (length << 2));
  for (let i: u32 = 0; i < leaves; i++) {
    while (left === 0) left = load<u32>(BY_LENGTH + (--length << 2));
    store<u8>(lengths + (load<u32>(LEAVES + (i << 2)) & SYMBOL_MASK), <u8>length);
    left--;
  }
}

/** Moffat and Katajainen, in place: TREE holds the weights of leaves, then of inner nodes, then their parents. */
function makeTree(leaves: u32): void {
  for (let i: u32 = 0; i < leaves; i++) {
    store<u32>(TREE + (i << 2), load<u32>(LEAVES + (i << 2)) >> SYMBOL_BITS);
  }
  let leaf: u32 = 0;
  let inner: u32 = 0;
  for (let node: u32 = 0; node < leaves - 1; node++) {
    let weight: u32 = 0;
    for (let child = 0; child < 2; child++) {
      const isInner =
        inner < node && (leaf >= leaves || load<u32>(TREE + (inner << 2)) < load<u32>(TREE + (leaf << 2)));
      if (isInner) {
        weight += load<u32>(TREE + (inner << 2));
        store<u32>(TREE + (inner++ << 2), node);
      } else {
        weight += load<u32>(TREE + (leaf++ << 2));
      }
    }
    store<u32>(TREE + (node << 2), weight);
  }
}

/** BY_LENGTH becomes how many leaves are how deep; those below `most` are moved up, and others down for them. */
function countDepths(leaves: u32, most: u32): void {
  clear(BY_LENGTH, 64);
  const root = leaves - 2;
  store<u32>(TREE + (root << 2), 0);
  for (let node = root; node-- > 0; ) {
    const parent = load<u32>(TREE + (node << 2));
    store<u32>(TREE + (node << 2), load<u32>(TREE + (parent << 2)) + 1);
  }
  let node: i32 = root;
  let depth: u32 = 0;
  let used: u32 = 0;
  for (let nodes: u32 = 1; nodes > 0; depth++) {
    let inner: u32 = 0;
    for (; node >= 0 && load<u32>(TREE + ((<u32>node) << 2)) === depth; node--) inner++;
    const length = depth < most ? depth : most;
    const at = BY_LENGTH + (length << 2);
    store<u32>(at, load<u32>(at) + nodes - inner);
    used += (nodes - inner) << (most - length);
    nodes = inner << 1;
  }
  for (; used > <u32>(1 << most); used--) {
    let length = most - 1;
    while (load<u32>(BY_LENGTH + (length << 2)) === 0) length--;
    const at = BY_LENGTH + (length << 2);
    store<u32>(at, load<u32>(at) - 1);
    store<u32>(at + 4, load<u32>(at + 4) + 2);
    store<u32>(BY_LENGTH + (most << 2), load<u32>(BY_LENGTH + (most << 2)) - 1);
  }
}

function insertionSort(leaves: u32): void {
  for (let i: u32 = 1; i < leaves; i++) {
    const moved = load<u32>(LEAVES + (i << 2));
    let to = i;
    for (; to > 0; to--) {
      const other = load<u32>(LEAVES + ((to - 1) << 2));
      if (other < moved) break;
      store<u32>(LEAVES + (to << 2), other);
    }
    store<u32>(LEAVES + (to << 2), moved);
  }
}

/** By frequency, a byte at a time: the symbols are in order already. */
function radixSort(leaves: u32, highest: u32): void {
  const bytes = leaves << 2;
  let from = LEAVES;
  let to = UNSORTED;
  for (let shift = SYMBOL_BITS; highest > 0; shift += 8, highest >>= 8) {
    clear(COUNTS, 1024);
    for (let i: u32 = 0; i < bytes; i += 4) count(COUNTS + (((load<u32>(from + i) >> shift) & 255) << 2));
    let sum: u32 = 0;
    for (let i: u32 = 0; i < 1024; i += 4) {
      const these = load<u32>(COUNTS + i);
      store<u32>(COUNTS + i, sum);
      sum += these;
    }
    for (let i: u32 = 0; i < bytes; i += 4) {
      const leaf = load<u32>(from + i);
      const at = COUNTS + (((leaf >> shift) & 255) << 2);
      const place = load<u32>(at);
      store<u32>(at, place + 1);
      store<u32>(to + (place << 2), leaf);
    }
    const other = from;
    from = to;
    to = other;
  }
  if (from === LEAVES) return;
  for (let i: u32 = 0; i < bytes; i += 16) v128.store(LEAVES + i, v128.load(from + i));
}
