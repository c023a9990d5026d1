// docs/wire/session-v1.md §1.1. The generator has its own, so that it does not share the mistakes of what it measures.

/** The bytes of a varint, one after another. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}
