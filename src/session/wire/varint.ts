/** No varint is longer: 2^53-1 takes eight bytes. */
export const MAX_VARINT_BYTES = 8;

/** How many bytes `value` takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest /= 0x80) length++;
  return length;
}

/** Writes `value`, a whole number from 0 to 2^53-1, at `position`; returns where it ends (§1.1). */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let at = position;
  let rest = value;
  // What is behind the point falls away where a byte is written, and what is above 32 bits where the top bit is set.
  for (; rest >= 0x80; rest /= 0x80) bytes[at++] = rest | 0x80;
  bytes[at++] = rest;
  return at;
}
