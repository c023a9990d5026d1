// DEFLATE (RFC 1951) for messages: a block each, in the window of those before. `npm run build-wasm` makes a module of it.
import { bitsOf, clear, count, countLengths, makeCodes, makeLengths } from "./huffman";
import {
  CODE_LENGTHS,
  DISTANCE_BASES,
  DISTANCE_FREQUENCIES,
  DISTANCE_SYMBOLS,
  DYNAMIC_CODES,
  DYNAMIC_DISTANCE_CODES,
  FIXED_CODES,
  FIXED_DISTANCE_CODES,
  FREQUENCIES,
  LENGTH_BASES,
  LENGTH_SYMBOLS,
  MATCHES,
  OUTPUT,
  RUN_CODE_LENGTHS,
  RUN_CODES,
  RUN_FREQUENCIES,
  RUNS,
} from "./layout";
import { enter, findMatches, slideWindow } from "./matches";

const END_OF_BLOCK: u32 = 256;
const LITERALS_AND_LENGTHS: u32 = 286;
const DISTANCES: u32 = 30;
const RUN_SYMBOLS: u32 = 19;
/** Below that a dynamic block is hardly ever smaller, since its head takes some 60 bytes. */
const DYNAMIC_FROM_BITS: u32 = 8 * 130;

// What is written but does not fill a byte yet, and where the next one goes.
let bits: u64 = 0;
let bitCount: u32 = 0;
let output: u32 = OUTPUT;

// The head of a dynamic block.
let literalCodes: u32 = 0;
let distanceCodes: u32 = 0;
let runsEnd: u32 = 0;
let runCodes: u32 = 0;

makeTables();

/** A message begins. */
export function begin(): void {
  bits = 0;
  bitCount = 0;
}

/** What is in `slot[from, until)` was not deflated here, but may be referred to. */
export function prime(slot: u32, from: u32, until: u32): void {
  enter(slot, slot + from, <i32>(slot + until) - 4, 1);
}

/** Moves `slot[from, from + length)` to the beginning of the slot. */
export function slide(slot: u32, from: u32, length: u32): void {
  slideWindow(slot, from, length);
}

/**
 * Deflates `slot[from, until)`, not more than MAX_BLOCK_BYTES, which may refer to `slot[oldest, from)`, to OUTPUT. With
 * `last` an empty stored block follows, which ends with a byte. Returns where the output ends.
 */
export function deflate(slot: u32, from: u32, until: u32, oldest: u32, maxDistance: u32, last: u32): u32 {
  output = OUTPUT;
  const begins = slot + from;
  const length = until - from;
  const matchesEnd = findMatches(slot, from, until, oldest, maxDistance);
  const extraBits = countSymbols(begins, begins + length, matchesEnd);
  const fixedBits =
    bitsOf(FREQUENCIES, FIXED_CODES, LITERALS_AND_LENGTHS) +
    bitsOf(DISTANCE_FREQUENCIES, FIXED_DISTANCE_CODES, DISTANCES);
  const dynamicBits = fixedBits < DYNAMIC_FROM_BITS ? u32.MAX_VALUE : makeDynamicCodes();
  if (min<u32>(fixedBits, dynamicBits) + extraBits > (length + 4) * 8) {
    writeStored(begins, length);
  } else if (dynamicBits < fixedBits) {
    writeDynamicHead();
    writeSymbols(begins, begins + length, matchesEnd, DYNAMIC_CODES, DYNAMIC_DISTANCE_CODES);
  } else {
    write(2, 3);
    writeSymbols(begins, begins + length, matchesEnd, FIXED_CODES, FIXED_DISTANCE_CODES);
  }
  if (last) writeStored(0, 0);
  return output;
}

function makeTables(): void {
  let base: u32 = 3;
  for (let symbol: u32 = 0; symbol < 29; symbol++) {
    // The last symbol is for the longest match alone (RFC 1951 §3.2.5).
    const extra: u32 = symbol < 8 || symbol === 28 ? 0 : (symbol - 4) >> 2;
    if (symbol === 28) base = 258;
    store<u32>(LENGTH_BASES + (symbol << 2), base | (extra << 16));
    for (let i: u32 = 0; i < <u32>(1 << extra); i++) store<u8>(LENGTH_SYMBOLS + base - 3 + i, <u8>symbol);
    base += 1 << extra;
  }
  base = 1;
  for (let symbol: u32 = 0; symbol < DISTANCES; symbol++) {
    const extra: u32 = symbol < 4 ? 0 : (symbol >> 1) - 1;
    store<u32>(DISTANCE_BASES + (symbol << 2), base | (extra << 16));
    for (let i: u32 = 0; i < <u32>(1 << extra); i++) {
      store<u8>(DISTANCE_SYMBOLS + distanceIndex(base + i), <u8>symbol);
    }
    base += 1 << extra;
  }
  for (let i: u32 = 0; i < 288; i++) {
    store<u8>(CODE_LENGTHS + i, <u8>(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)); // §3.2.6
  }
  countLengths(CODE_LENGTHS, 288);
  makeCodes(CODE_LENGTHS, 288, FIXED_CODES);
  for (let i: u32 = 0; i < 32; i++) store<u8>(CODE_LENGTHS + i, 5);
  countLengths(CODE_LENGTHS, 32);
  makeCodes(CODE_LENGTHS, 32, FIXED_DISTANCE_CODES);
}

function distanceIndex(distance: u32): u32 {
  return distance <= 256 ? distance - 1 : 256 + ((distance - 1) >> 7);
}

/** Counts all symbols; returns how many extra bits follow them. */
function countSymbols(from: u32, until: u32, matchesEnd: u32): u32 {
  clear(FREQUENCIES, 4 * 288);
  clear(DISTANCE_FREQUENCIES, 4 * 32);
  let at = from;
  let extraBits: u32 = 0;
  for (let match = MATCHES; match < matchesEnd; match += 8) {
    const head = load<u32>(match);
    for (const stop = at + (head & 0xffff); at < stop; at++) count(FREQUENCIES + ((<u32>load<u8>(at)) << 2));
    at += head >> 16;
    const symbol = (<u32>load<u8>(LENGTH_SYMBOLS + (head >> 16) - 3)) << 2;
    count(FREQUENCIES + ((END_OF_BLOCK + 1) << 2) + symbol);
    const distance = (<u32>load<u8>(DISTANCE_SYMBOLS + distanceIndex(load<u32>(match + 4)))) << 2;
    count(DISTANCE_FREQUENCIES + distance);
    extraBits += (load<u32>(LENGTH_BASES + symbol) >> 16) + (load<u32>(DISTANCE_BASES + distance) >> 16);
  }
  for (; at < until; at++) count(FREQUENCIES + ((<u32>load<u8>(at)) << 2));
  count(FREQUENCIES + (END_OF_BLOCK << 2));
  return extraBits;
}

/** Makes the codes and the head of a dynamic block; returns how many bits it takes, without extra ones. */
function makeDynamicCodes(): u32 {
  // Two distances at least: there are inflaters that refuse a code of one.
  let distances: u32 = 0;
  for (let i: u32 = 0; i < 4 * DISTANCES; i += 4) distances += u32(load<u32>(DISTANCE_FREQUENCIES + i) !== 0);
  for (let i: u32 = 0; distances < 2; i += 4) {
    if (load<u32>(DISTANCE_FREQUENCIES + i) !== 0) continue;
    store<u32>(DISTANCE_FREQUENCIES + i, 1);
    distances++;
  }
  makeLengths(FREQUENCIES, LITERALS_AND_LENGTHS, 15, CODE_LENGTHS);
  makeCodes(CODE_LENGTHS, LITERALS_AND_LENGTHS, DYNAMIC_CODES);
  literalCodes = LITERALS_AND_LENGTHS;
  while (load<u8>(CODE_LENGTHS + literalCodes - 1) === 0) literalCodes--;
  const distanceLengths = CODE_LENGTHS + literalCodes;
  makeLengths(DISTANCE_FREQUENCIES, DISTANCES, 15, distanceLengths);
  makeCodes(distanceLengths, DISTANCES, DYNAMIC_DISTANCE_CODES);
  distanceCodes = DISTANCES;
  while (load<u8>(distanceLengths + distanceCodes - 1) === 0) distanceCodes--;
  return (
    makeRuns(literalCodes + distanceCodes) +
    bitsOf(FREQUENCIES, DYNAMIC_CODES, LITERALS_AND_LENGTHS) +
    bitsOf(DISTANCE_FREQUENCIES, DYNAMIC_DISTANCE_CODES, DISTANCES)
  );
}

/** The code lengths run by run, and codes for those (RFC 1951 §3.2.7); returns how many bits the head takes. */
function makeRuns(lengths: u32): u32 {
  clear(RUN_FREQUENCIES, 4 * 32);
  runsEnd = RUNS;
  let headBits: u32 = 14;
  for (let i: u32 = 0; i < lengths; ) {
    const length = <u32>load<u8>(CODE_LENGTHS + i);
    let times: u32 = 1;
    while (i + times < lengths && <u32>load<u8>(CODE_LENGTHS + i + times) === length) times++;
    i += times;
    if (length !== 0) {
      addRun(length, 0);
      times--;
    }
    while (times >= 3) {
      let run: u32;
      if (length !== 0) {
        run = min<u32>(times, 6);
        addRun(16, run - 3);
        headBits += 2;
      } else if (times < 11) {
        run = times;
        addRun(17, run - 3);
        headBits += 3;
      } else {
        run = min<u32>(times, 138);
        addRun(18, run - 11);
        headBits += 7;
      }
      times -= run;
    }
    for (; times > 0; times--) addRun(length, 0);
  }
  makeLengths(RUN_FREQUENCIES, RUN_SYMBOLS, 7, RUN_CODE_LENGTHS);
  makeCodes(RUN_CODE_LENGTHS, RUN_SYMBOLS, RUN_CODES);
  runCodes = RUN_SYMBOLS;
  while (load<u8>(RUN_CODE_LENGTHS + runSymbol(runCodes - 1)) === 0) runCodes--;
  runCodes = max<u32>(runCodes, 4);
  return headBits + 3 * runCodes + bitsOf(RUN_FREQUENCIES, RUN_CODES, RUN_SYMBOLS);
}

function addRun(symbol: u32, extra: u32): void {
  store<u16>(runsEnd, <u16>(symbol | (extra << 8)));
  runsEnd += 2;
  count(RUN_FREQUENCIES + (symbol << 2));
}

/** 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 (RFC 1951 §3.2.7). */
function runSymbol(index: u32): u32 {
  if (index < 3) return 16 + index;
  if (index === 3) return 0;
  return index & 1 ? 7 - ((index - 5) >> 1) : 8 + ((index - 4) >> 1);
}

function writeDynamicHead(): void {
  write(4 | ((literalCodes - 257) << 3) | ((distanceCodes - 1) << 8) | ((runCodes - 4) << 13), 17);
  for (let i: u32 = 0; i < runCodes; i++) {
    write(load<u8>(RUN_CODE_LENGTHS + runSymbol(i)), 3);
    flush();
  }
  for (let run = RUNS; run < runsEnd; run += 2) {
    const symbol = <u32>load<u8>(run);
    const code = load<u32>(RUN_CODES + (symbol << 2));
    write(code & 0xffff, code >> 16);
    if (symbol >= 16) write(load<u8>(run + 1), symbol === 16 ? 2 : symbol === 17 ? 3 : 7);
    flush();
  }
}

/** A stored block (RFC 1951 §3.2.4); an empty one ends a message (RFC 7692 §7.2.1). */
function writeStored(from: u32, length: u32): void {
  write(0, 3);
  bitCount = (bitCount + 7) & ~7;
  flush();
  store<u32>(output, length | (~length << 16));
  if (length > 0) memory.copy(output + 4, from, length);
  output += 4 + length;
}

function write(value: u32, length: u32): void {
  bits |= (<u64>value) << bitCount;
  bitCount += length;
}

/** Leaves seven bits at most, and so room for 57. */
function flush(): void {
  store<u64>(output, bits);
  output += bitCount >> 3;
  bits >>= bitCount & 56;
  bitCount &= 7;
}

function writeSymbols(from: u32, until: u32, matchesEnd: u32, codes: u32, distances: u32): void {
  // As `write` and `flush`, but in locals.
  let buffer = bits;
  let filled = bitCount;
  let to = output;
  let at = from;
  for (let match = MATCHES; ; match += 8) {
    const isMatch = match < matchesEnd;
    const head = isMatch ? load<u32>(match) : until - at;
    const stop = at + (isMatch ? head & 0xffff : head);
    while (at < stop) {
      store<u64>(to, buffer);
      to += filled >> 3;
      buffer >>= filled & 56;
      filled &= 7;
      // Three of 15 bits at most before the next flush.
      let code = load<u32>(codes + ((<u32>load<u8>(at++)) << 2));
      buffer |= (<u64>(code & 0xffff)) << filled;
      filled += code >> 16;
      if (at === stop) break;
      code = load<u32>(codes + ((<u32>load<u8>(at++)) << 2));
      buffer |= (<u64>(code & 0xffff)) << filled;
      filled += code >> 16;
      if (at === stop) break;
      code = load<u32>(codes + ((<u32>load<u8>(at++)) << 2));
      buffer |= (<u64>(code & 0xffff)) << filled;
      filled += code >> 16;
    }
    store<u64>(to, buffer);
    to += filled >> 3;
    buffer >>= filled & 56;
    filled &= 7;
    if (!isMatch) break;
    // 15 + 5 + 15 + 13 bits at most.
    const length = head >> 16;
    at += length;
    const symbol = (<u32>load<u8>(LENGTH_SYMBOLS + length - 3)) << 2;
    const code = load<u32>(codes + ((END_OF_BLOCK + 1) << 2) + symbol);
    buffer |= (<u64>(code & 0xffff)) << filled;
    filled += code >> 16;
    const lengthBase = load<u32>(LENGTH_BASES + symbol);
    buffer |= (<u64>(length - (lengthBase & 0xffff))) << filled;
    filled += lengthBase >> 16;
    const distance = load<u32>(match + 4);
    const distanceSymbol = (<u32>load<u8>(DISTANCE_SYMBOLS + distanceIndex(distance))) << 2;
    const distanceCode = load<u32>(distances + distanceSymbol);
    buffer |= (<u64>(distanceCode & 0xffff)) << filled;
    filled += distanceCode >> 16;
    const distanceBase = load<u32>(DISTANCE_BASES + distanceSymbol);
    buffer |= (<u64>(distance - (distanceBase & 0xffff))) << filled;
    filled += distanceBase >> 16;
  }
  bits = buffer;
  bitCount = filled;
  output = to;
  const end = load<u32>(codes + (END_OF_BLOCK << 2));
  write(end & 0xffff, end >> 16);
  flush();
}
