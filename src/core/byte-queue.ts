/** Pieces of at least this many bytes may be kept as they are; smaller ones are copied together. */
const KEEP_FROM_BYTES = 4096;
/** And only if they are at least this part of the buffer that they keep alive: a peer chooses what lies around them. */
const KEEP_FROM_PART = 1 / 2;
/** What a piece costs beside its bytes: an array over a buffer is two objects, and a place in the list. */
const PIECE_OVERHEAD_BYTES = 192;
const FIRST_BLOCK_BYTES = 512;
const MAX_BLOCK_BYTES = 65_536;

/**
 * Collects the pieces of a message. Large pieces are kept by reference, small ones are copied into shared
 * blocks, so that a message in a million one-byte fragments costs its bytes and not a million objects, and no
 * piece keeps alive a chunk of more than twice its size.
 */
export class ByteQueue {
  readonly #pieces: Uint8Array[] = [];
  #block: Uint8Array | undefined;
  #blockUsed = 0;
  #byteLength = 0;
  #heldBytes = 0;

  /** How many bytes were appended. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** How much memory that keeps: whole buffers, however little of them is used, and objects. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Appends `bytes[start, end)`. Large pieces stay by reference: the caller must not change them any more. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length === 0) return;
    if (length >= KEEP_FROM_BYTES && length >= bytes.buffer.byteLength * KEEP_FROM_PART) {
      this.#closeBlock();
      this.#pieces.push(bytes.subarray(start, end));
      this.#heldBytes += bytes.buffer.byteLength + PIECE_OVERHEAD_BYTES;
    } else {
      this.#copy(bytes, start, end);
    }
    this.#byteLength += length;
  }

  /** All bytes as one array: a view where there is one piece, else a copy. */
  concat(): Uint8Array {
    this.#closeBlock();
    if (this.#pieces.length === 1) return this.#pieces[0]!;
    const whole = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    while (from < end) {
      if (this.#block === undefined || this.#blockUsed === this.#block.length) {
        this.#closeBlock();
        const size = Math.max(FIRST_BLOCK_BYTES, end - from, Math.min(this.#byteLength, MAX_BLOCK_BYTES));
        this.#block = new Uint8Array(size);
        this.#heldBytes += size + PIECE_OVERHEAD_BYTES;
      }
      const until = Math.min(end, from + this.#block.length - this.#blockUsed);
      this.#block.set(bytes.subarray(from, until), this.#blockUsed);
      this.#blockUsed += until - from;
      from = until;
    }
  }

  #closeBlock(): void {
    if (this.#block === undefined) return;
    this.#pieces.push(this.#block.subarray(0, this.#blockUsed));
    this.#block = undefined;
    this.#blockUsed = 0;
  }
}
