const FIRST_BLOCK_BYTES = 512;
/** What a buffer costs beside its bytes. */
const BUFFER_OVERHEAD_BYTES = 192;

/**
 * Collects the pieces of a message in one buffer, which doubles when it is full. Pieces are copied: they lie in a
 * chunk that is used again for the next read, and a message in a million one-byte fragments costs its bytes and not a
 * million objects.
 */
export class ByteQueue {
  #bytes: Uint8Array | undefined;
  #byteLength = 0;

  /** How many bytes were appended. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** How much memory that keeps: the whole buffer, at most twice what was appended or 512 bytes, and the objects. */
  get heldBytes(): number {
    return this.#bytes === undefined ? 0 : this.#bytes.length + BUFFER_OVERHEAD_BYTES;
  }

  /**
   * Appends `bytes[start, end)`.
   * @param expectedBytes how long all of it will be, as far as is known. Only so that no room is taken that will not be
   * used: more than twice what has come is never taken.
   */
  append(bytes: Uint8Array, start: number, end: number, expectedBytes = 0): void {
    if (end === start) return;
    const byteLength = this.#byteLength + end - start;
    let block = this.#bytes;
    if (block === undefined || byteLength > block.length) {
      const mostBytes = Math.max(FIRST_BLOCK_BYTES, 2 * byteLength);
      block = new Uint8Array(expectedBytes >= byteLength ? Math.min(expectedBytes, mostBytes) : mostBytes);
      if (this.#bytes !== undefined) block.set(this.#bytes.subarray(0, this.#byteLength));
      this.#bytes = block;
    }
    block.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#byteLength);
    this.#byteLength = byteLength;
  }

  /** All bytes as one array. */
  concat(): Uint8Array {
    const bytes = this.#bytes;
    if (bytes === undefined) return new Uint8Array(0);
    return bytes.length === this.#byteLength ? bytes : bytes.subarray(0, this.#byteLength);
  }
}
