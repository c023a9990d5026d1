/**
 * Pieces of bytes one behind the other, which do not change any more. Who got the same pieces has the same object, as after
 * broadcasts: to add one more compares it with what others got there, and all of them are joined once.
 *
 * @typeParam Whole what is made of all of them, where that is more than the bytes.
 */
export class SharedPieces<Whole = undefined> {
  readonly count: number;
  readonly byteLength: number;
  /** What was made of all of them: whose lists they are keeps it here, for those who have the same. */
  whole: Whole | undefined = undefined;
  readonly #piece: Uint8Array;
  readonly #before: SharedPieces<Whole> | undefined;
  /** What the latest one has behind this. */
  #next: SharedPieces<Whole> | undefined = undefined;
  #joined: Uint8Array | undefined = undefined;

  private constructor(piece: Uint8Array, before: SharedPieces<Whole> | undefined) {
    this.#piece = piece;
    this.#before = before;
    this.count = before === undefined ? 1 : before.count + 1;
    this.byteLength = piece.length + (before === undefined ? 0 : before.byteLength);
  }

  /** A list of one: `latest`, if it begins with the same. */
  static of<Whole>(piece: Uint8Array, latest: SharedPieces<Whole> | undefined): SharedPieces<Whole> {
    return latest !== undefined && latest.#piece === piece ? latest : new SharedPieces(piece, undefined);
  }

  /** This list with one more. */
  with(piece: Uint8Array): SharedPieces<Whole> {
    const next = this.#next;
    if (next !== undefined && next.#piece === piece) return next;
    return (this.#next = new SharedPieces(piece, this));
  }

  /** One after the other. */
  get pieces(): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let at: SharedPieces<Whole> | undefined = this; at !== undefined; at = at.#before)
      pieces.push(at.#piece);
    return pieces.reverse();
  }

  /** All of them as one. */
  get joined(): Uint8Array {
    if (this.#before === undefined) return this.#piece;
    if (this.#joined === undefined) {
      this.#joined = new Uint8Array(this.byteLength);
      this.copyTo(this.#joined, 0);
    }
    return this.#joined;
  }

  /** Writes all of them into `bytes`, from `position` on. */
  copyTo(bytes: Uint8Array, position: number): void {
    let at = position;
    for (const piece of this.pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
  }
}
