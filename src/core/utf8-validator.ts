/** Checks bytes `[start, end)` in one go; the host's native check where it has one. */
export type IsUtf8 = (bytes: Uint8Array, start: number, end: number) => boolean;

/** Pieces shorter than this are checked byte by byte: a native call costs more than it saves. */
const NATIVE_FROM_BYTES = 32;

/**
 * Checks UTF-8 that arrives in pieces and fails at the first byte that cannot be part of any valid text
 * (RFC 6455 §8.1; the automaton is the decoder of the WHATWG Encoding Standard §8.1.1).
 */
export class Utf8Validator {
  readonly #isUtf8: IsUtf8 | undefined;
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;

  /** @param isUtf8 checks the bulk of a piece natively; without it every byte is looked at here. */
  constructor(isUtf8?: IsUtf8) {
    this.#isUtf8 = isUtf8;
  }

  /** Whether the text may end here: no character is half received. */
  get isComplete(): boolean {
    return this.#needed === 0;
  }

  /** Takes the next piece. False as soon as a byte is wrong; the validator is of no use after that. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isUtf8 === undefined || end - start < NATIVE_FROM_BYTES) return this.#scan(bytes, start, end);

    let bodyStart = start;
    while (this.#needed > 0 && bodyStart < end) {
      if (!this.#scan(bytes, bodyStart, bodyStart + 1)) return false;
      bodyStart++;
    }
    const bodyEnd = lastBoundary(bytes, bodyStart, end);
    return this.#isUtf8(bytes, bodyStart, bodyEnd) && this.#scan(bytes, bodyEnd, end);
  }

  #scan(bytes: Uint8Array, start: number, end: number): boolean {
    let needed = this.#needed;
    let lower = this.#lower;
    let upper = this.#upper;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (needed > 0) {
        if (byte < lower || byte > upper) return false;
        lower = 0x80;
        upper = 0xbf;
        needed--;
      } else if (byte >= 0x80) {
        if (byte >= 0xc2 && byte <= 0xdf) {
          needed = 1;
        } else if (byte >= 0xe0 && byte <= 0xef) {
          needed = 2;
          if (byte === 0xe0) lower = 0xa0; // shorter forms exist
          if (byte === 0xed) upper = 0x9f; // surrogates
        } else if (byte >= 0xf0 && byte <= 0xf4) {
          needed = 3;
          if (byte === 0xf0) lower = 0x90; // shorter forms exist
          if (byte === 0xf4) upper = 0x8f; // above U+10FFFF
        } else {
          return false;
        }
      }
    }
    this.#needed = needed;
    this.#lower = lower;
    this.#upper = upper;
    return true;
  }
}

/** Where the last character that might be incomplete begins, or `end`. */
function lastBoundary(bytes: Uint8Array, start: number, end: number): number {
  for (let i = end - 1; i >= start && i >= end - 3; i--) {
    const byte = bytes[i]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return i;
  }
  return end;
}
