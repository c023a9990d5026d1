const FIRST_BLOCK_BYTES = 512;
/** From here on it does not double any more: to copy so much takes a millisecond or two, in which nothing else happens. */
const LARGE_BLOCK_BYTES = 4 * 1024 * 1024;
/** What a buffer costs beside its bytes. */
const BUFFER_OVERHEAD_BYTES = 192;

/** Makes the blocks, which need not be zeroed: what lies behind the bytes that were appended is given to nobody. */
interface Allocator {
  allocate(byteLength: number): Uint8Array;
}

/**
 * Collects the pieces of a message in one buffer, which doubles when it is full, and in more of them above 4 MiB. Pieces are
 * copied: they lie in a chunk that is used again for the next read, and a message in a million one-byte fragments costs its
 * bytes and not a million objects.
 */
export class ByteQueue {
  readonly #allocator: Allocator;
  /** Large blocks that are full, before the one that is being filled. */
  #full: Uint8Array[] | undefined;
  #fullBytes = 0;
  #bytes: Uint8Array | undefined;
  #byteLength = 0;

  constructor(allocator: Allocator) {
    this.#allocator = allocator;
  }

  /** How many bytes were appended. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** How much memory that keeps: whole buffers, at most twice what was appended or 512 bytes, and the objects. */
  get heldBytes(): number {
    if (this.#bytes === undefined) return 0;
    const blocks = 1 + (this.#full?.length ?? 0);
    return this.#fullBytes + this.#bytes.length + blocks * BUFFER_OVERHEAD_BYTES;
  }

  /**
   * Appends `bytes[start, end)`.
   * @param expectedBytes how long all of it will be, as far as is known. Only so that no room is taken that will not be
   * used: more than twice what has come is never taken.
   */
  append(bytes: Uint8Array, start: number, end: number, expectedBytes = 0): void {
    if (end === start) return;
    let block = this.#bytes;
    if (block !== undefined && (this.#full !== undefined || block.length >= LARGE_BLOCK_BYTES)) {
      const room = this.#fullBytes + block.length - this.#byteLength;
      if (end - start > room) {
        this.#append(block, bytes, start, start + room);
        this.#full ??= [];
        this.#full.push(block);
        this.#fullBytes += block.length;
        const rest = end - start - room;
        const expected = expectedBytes - this.#byteLength;
        const wanted = expected >= rest ? Math.min(LARGE_BLOCK_BYTES, expected) : LARGE_BLOCK_BYTES;
        this.#bytes = this.#allocator.allocate(Math.max(rest, wanted));
        this.#append(this.#bytes, bytes, start + room, end);
        return;
      }
      this.#append(block, bytes, start, end);
      return;
    }
    const byteLength = this.#byteLength + end - start;
    if (block === undefined || byteLength > block.length) {
      const mostBytes = Math.max(FIRST_BLOCK_BYTES, 2 * byteLength);
      block = this.#allocator.allocate(
        expectedBytes >= byteLength ? Math.min(expectedBytes, mostBytes) : mostBytes,
      );
      if (this.#bytes !== undefined) block.set(this.#bytes.subarray(0, this.#byteLength));
      this.#bytes = block;
    }
    this.#append(block, bytes, start, end);
  }

  #append(block: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
    const piece = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
    block.set(piece, this.#byteLength - this.#fullBytes);
    this.#byteLength += end - start;
  }

  /** All bytes as one array. */
  concat(): Uint8Array {
    const bytes = this.#bytes;
    if (bytes === undefined) return new Uint8Array(0);
    if (this.#full !== undefined) {
      const all = this.#allocator.allocate(this.#byteLength);
      let at = 0;
      for (const block of this.#full) {
        all.set(block, at);
        at += block.length;
      }
      all.set(bytes.subarray(0, this.#byteLength - at), at);
      this.#full = undefined;
      this.#fullBytes = 0;
      return (this.#bytes = all);
    }
    return bytes.length === this.#byteLength ? bytes : bytes.subarray(0, this.#byteLength);
  }
}
