/** Taken once: to find it by way of `Buffer` each time takes as long as to copy some bytes. */
const { set } = Uint8Array.prototype;
/** Up to this many bytes a loop is faster than a call of `set`. */
const BY_HAND_UP_TO_BYTES = 16;
/** The same where a view has to be made for `set`. */
const PARTS_BY_HAND_UP_TO_BYTES = 64;

/** Copies `source[start, end)` to `target` at `position`; the two do not overlap. The room is there. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  position: number,
): void {
  const length = end - start;
  if (length > BY_HAND_UP_TO_BYTES && length === source.length) {
    set.call(target, source, position);
    return;
  }
  if (length > PARTS_BY_HAND_UP_TO_BYTES) {
    // Not `subarray`: that of a Buffer takes twice the time.
    set.call(target, new Uint8Array(source.buffer, source.byteOffset + start, length), position);
    return;
  }
  let from = start;
  let to = position;
  for (const last = end - 3; from < last; from += 4, to += 4) {
    target[to] = source[from]!;
    target[to + 1] = source[from + 1]!;
    target[to + 2] = source[from + 2]!;
    target[to + 3] = source[from + 3]!;
  }
  while (from < end) target[to++] = source[from++]!;
}
