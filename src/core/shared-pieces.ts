/**
 * Pieces of bytes one behind the other, which do not change any more. Who got the same pieces has the same object, as after
 * broadcasts: to add one more compares it with what others got there, and all of them are joined once.
 */
export class SharedPieces {
  readonly count: number;
  readonly byteLength: number;
  readonly #piece: Uint8Array;
  readonly #before: SharedPieces | undefined;
  /** What the latest one has behind this. */
  #next: SharedPieces | undefined = undefined;
  #joined: Uint8Array | undefined = undefined;

  private constructor(piece: Uint8Array, before: SharedPieces | undefined) {
    this.#piece = piece;
    this.#before = before;
    this.count = before === undefined ? 1 : before.count + 1;
    this.byteLength = piece.length + (before === undefined ? 0 : before.byteLength);
  }

  /** A list of one: `latest`, if it begins with the same. */
  static of(piece: Uint8Array, latest: SharedPieces | undefined): SharedPieces {
    return latest !== undefined && latest.#piece === piece ? latest : new SharedPieces(piece, undefined);
  }

  /** This list with one more. */
  with(piece: Uint8Array): SharedPieces {
    const next = this.#next;
    if (next !== undefined && next.#piece === piece) return next;
    return (this.#next = new SharedPieces(piece, this));
  }

  /** One after the other. */
  get pieces(): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let at: SharedPieces | undefined = this; at !== undefined; at = at.#before) pieces.push(at.#piece);
    return pieces.reverse();
  }

  /** All of them as one. */
  get joined(): Uint8Array {
    if (this.#before === undefined) return this.#piece;
    this.#joined ??= joinedOf(this.pieces, this.byteLength);
    return this.#joined;
  }
}

function joinedOf(pieces: readonly Uint8Array[], byteLength: number): Uint8Array {
  const joined = new Uint8Array(byteLength);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
