import type { Random } from "../random.js";

/** Lengths at which headers, buffers and native shortcuts change. */
const EDGES = [
  0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 124, 125, 126, 127, 128, 255, 256, 257,
];
const LARGE = [1023, 1024, 4096, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537];

/** A length, mostly short, often at an edge, rarely large. */
export function anyLength(random: Random): number {
  const kind = random.below(40);
  if (kind === 0) return random.pick(LARGE);
  return kind < 14 ? random.pick(EDGES) : random.below(40);
}

const CHARACTERS = [
  "a",
  "Z",
  " ",
  "\0",
  "\x7f",
  "é",
  "ß",
  "\u07ff",
  "\u0800",
  "€",
  "\ufeff",
  "\uffff",
  "𝄞",
  "\u{10ffff}",
];
/** Never UTF-8: overlong forms, surrogates, beyond U+10FFFF, lone bytes, characters cut short. */
const BROKEN = [
  "c080", "c1bf", "e08080", "e09fbf", "f0808080", "f08fbfbf", "eda080", "edbfbf", "f4908080", "f5808080", "f8888080",
  "fe", "ff", "80", "bf", "c3", "e282", "f09d84", "ce61", "e28061", "f09d8461", "c3c3",
]; // biome-ignore format: a table

/** Text in UTF-8, and now and then not quite. */
export function anyText(random: Random): Buffer {
  let text = "";
  const target = anyLength(random);
  const alphabet = random.chance(40) ? ["a"] : CHARACTERS;
  while (text.length < target) text += random.pick(alphabet);
  const bytes = Buffer.from(text);
  if (!random.chance(15)) return bytes;
  const at = random.pick([0, bytes.length, random.below(bytes.length + 1)]);
  const broken = Buffer.from(random.pick(BROKEN), "hex");
  return Buffer.concat([
    bytes.subarray(0, at),
    broken,
    bytes.subarray(random.chance(50) ? at : bytes.length),
  ]);
}

/** Any bytes, or a few repeated, which deflate well. */
export function anyBytes(random: Random): Buffer {
  const length = anyLength(random);
  if (random.chance(50)) return random.bytes(length);
  return Buffer.alloc(length, random.bytes(random.between(1, 9)));
}
