/** Longer keys are made each time. */
const MAX_KEY_BYTES = 24;
/** A power of two. The names of a contract are some dozens. */
const SLOTS = 512;

/**
 * The names of properties that were read lately. They are the same in every message, and to compare bytes with a string
 * is faster than to make a string of them and to look that up in the engine's table. It holds 512 short strings at most,
 * whatever a peer sends.
 */
export class KeyCache {
  readonly #slots: (string | undefined)[] = new Array(SLOTS).fill(undefined);

  /** The string of ASCII bytes; undefined if they are not ASCII, or too many. */
  find(bytes: Uint8Array, start: number, length: number): string | undefined {
    if (length > MAX_KEY_BYTES) return undefined;
    let hash = length;
    for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + bytes[start + i]!) | 0;
    const slot = (hash ^ (hash >>> 9)) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && isSame(known, bytes, start, length)) return known;

    let text = "";
    for (let i = 0; i < length; i++) {
      const byte = bytes[start + i]!;
      if (byte >= 0x80) return undefined;
      text += String.fromCharCode(byte);
    }
    this.#slots[slot] = text;
    return text;
  }
}

function isSame(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
