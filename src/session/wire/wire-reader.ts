/**
 * Reads the fields of a packet, strictly: what goes beyond its end, or is not in its shortest form, makes `isBad` true, and
 * everything read from then on is zero or empty. So a packet is read as a whole, and judged once.
 */
export class WireReader {
  declare readonly bytes: Uint8Array;
  /** Where the next field begins. */
  declare at: number;
  /** Where the packet ends. */
  declare end: number;
  /** Whether a field was wrong. */
  isBad = false;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** The next varint, or 0 if it is wrong: cut off, longer than needed, above 2^53-1 (§1.1). */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = this.at; i < this.end; i++) {
      const byte = this.bytes[i]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        // A last byte of 0 says nothing; only the number 0 is written with it.
        if ((byte === 0 && scale > 1) || value > Number.MAX_SAFE_INTEGER) break;
        this.at = i + 1;
        return value;
      }
      scale *= 0x80;
      if (scale > 2 ** 49) break;
    }
    this.fail();
    return 0;
  }

  /** A copy of the next `length` bytes. */
  take(length: number): Uint8Array {
    const start = this.at;
    // Not `slice`: that of a Buffer does not copy.
    return new Uint8Array(this.bytes.subarray(start, this.skip(length) ? this.at : start));
  }

  /** A varint and as many bytes, `maxBytes` at most. */
  field(maxBytes: number): Uint8Array {
    const length = this.varint();
    if (length > maxBytes) this.fail();
    return this.take(this.isBad ? 0 : length);
  }

  /** Goes `length` bytes further; false if there are not as many. */
  skip(length: number): boolean {
    if (length > this.end - this.at) this.fail();
    else this.at += length;
    return !this.isBad;
  }

  /** Makes this reader bad, and empty. */
  fail(): void {
    this.isBad = true;
    this.at = this.end;
  }
}
