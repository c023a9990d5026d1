/**
 * A masking key as one integer, first byte lowest (RFC 6455 §5.3). Little-endian, so that words of a typed array
 * can be masked with it directly on every machine that runs JavaScript engines today.
 */
export type MaskKey = number;

/** From this many bytes on it pays to call the accelerator. */
const ACCELERATE_FROM_BYTES = 64;
/** From this many bytes on it pays to make a view of words for one frame. */
const WORDS_FROM_BYTES = 96;
/** From this many bytes on, aligned words take less time than unaligned ones and what lies around them. */
const ALIGNED_FROM_BYTES = 512;
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
/** The bits that no ASCII byte has. */
export const NON_ASCII_BITS: number = 0x80808080 | 0;

/** Reads the four bytes of a key. */
export function readMaskKey(bytes: Uint8Array, position: number): MaskKey {
  return (
    bytes[position]! |
    (bytes[position + 1]! << 8) |
    (bytes[position + 2]! << 16) |
    (bytes[position + 3]! << 24)
  );
}

/** Writes the four bytes of a key. */
export function writeMaskKey(key: MaskKey, bytes: Uint8Array, position: number): void {
  bytes[position] = key;
  bytes[position + 1] = key >>> 8;
  bytes[position + 2] = key >>> 16;
  bytes[position + 3] = key >>> 24;
}

/** The key for a payload of which `byteLength` bytes are done already. */
export function rotateMaskKey(key: MaskKey, byteLength: number): MaskKey {
  const bits = (byteLength & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

/**
 * Masks or unmasks `bytes[start, end)` in place. Returns all resulting bytes or-ed together in the lanes of a
 * word: `(result & NON_ASCII_BITS) === 0` means that all of it is ASCII, and so valid UTF-8, at no extra cost.
 */
export function applyMask(bytes: Uint8Array, start: number, end: number, key: MaskKey): number {
  const length = end - start;
  if (bytes === accelerator?.bytes && length >= ACCELERATE_FROM_BYTES)
    return accelerator.mask(start, end, key);
  if (!IS_LITTLE_ENDIAN) return maskBytes(bytes, start, end, key);
  if (length >= ALIGNED_FROM_BYTES) return maskAlignedWords(bytes, start, end, key);
  if (bytes === lastBytes) {
    lastView ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return maskWords(lastView, start, end, key);
  }
  lastBytes = bytes;
  lastView = undefined;
  return length >= WORDS_FROM_BYTES
    ? maskAlignedWords(bytes, start, end, key)
    : maskBytes(bytes, start, end, key);
}

/** Does for one buffer what {@link applyMask} does for any, and faster. */
export interface MaskAccelerator {
  readonly bytes: Uint8Array;
  readonly mask: (start: number, end: number, key: MaskKey) => number;
}

let accelerator: MaskAccelerator | undefined;

/** Has `applyMask` use the accelerator where it is given that buffer: the one that a host reads into. */
export function accelerateMask(by: MaskAccelerator): void {
  accelerator = by;
}

/**
 * What was masked last, and its words once it comes a second time: a view costs as much as a hundred bytes, but a chunk
 * holds many small frames, and a receive buffer is the same for ever.
 */
let lastBytes: Uint8Array | undefined;
let lastView: DataView | undefined;

function maskWords(view: DataView, start: number, end: number, key: MaskKey): number {
  let seen = 0;
  let i = start;
  for (const last = end - 3; i < last; i += 4) {
    const word = view.getInt32(i, true) ^ key;
    view.setInt32(i, word, true);
    seen |= word;
  }
  for (let rest = key; i < end; i++) {
    const byte = view.getUint8(i) ^ (rest & 0xff);
    rest >>>= 8;
    view.setUint8(i, byte);
    seen |= byte;
  }
  return seen;
}

function maskBytes(bytes: Uint8Array, start: number, end: number, key: MaskKey): number {
  const k0 = key & 0xff;
  const k1 = (key >>> 8) & 0xff;
  const k2 = (key >>> 16) & 0xff;
  const k3 = key >>> 24;
  let seen = 0;
  let i = start;
  for (const last = end - 3; i < last; i += 4) {
    const b0 = bytes[i]! ^ k0;
    const b1 = bytes[i + 1]! ^ k1;
    const b2 = bytes[i + 2]! ^ k2;
    const b3 = bytes[i + 3]! ^ k3;
    bytes[i] = b0;
    bytes[i + 1] = b1;
    bytes[i + 2] = b2;
    bytes[i + 3] = b3;
    seen |= b0 | b1 | b2 | b3;
  }
  if (i < end) seen |= bytes[i]! ^= k0;
  if (i + 1 < end) seen |= bytes[i + 1]! ^= k1;
  if (i + 2 < end) seen |= bytes[i + 2]! ^= k2;
  return seen;
}

function maskAlignedWords(bytes: Uint8Array, start: number, end: number, key: MaskKey): number {
  const bodyStart = start + (-(bytes.byteOffset + start) & 3);
  const bodyEnd = bodyStart + ((end - bodyStart) & ~3);
  let seen = maskBytes(bytes, start, bodyStart, key);
  const bodyKey = rotateMaskKey(key, bodyStart - start);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + bodyStart, (bodyEnd - bodyStart) >>> 2);
  const count = words.length;
  const blocks = count & ~7;
  // Eight at a time: half the time of four on Node 20, and no slower than the plain loop on Node 26.
  for (let i = 0; i < blocks; i += 8) {
    seen |= words[i]! ^= bodyKey;
    seen |= words[i + 1]! ^= bodyKey;
    seen |= words[i + 2]! ^= bodyKey;
    seen |= words[i + 3]! ^= bodyKey;
    seen |= words[i + 4]! ^= bodyKey;
    seen |= words[i + 5]! ^= bodyKey;
    seen |= words[i + 6]! ^= bodyKey;
    seen |= words[i + 7]! ^= bodyKey;
  }
  for (let i = blocks; i < count; i++) seen |= words[i]! ^= bodyKey;
  seen |= maskBytes(bytes, bodyEnd, end, bodyKey);
  return seen;
}
