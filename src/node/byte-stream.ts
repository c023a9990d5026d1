/**
 * What a connection is over, as far as it uses it: a `Duplex` of Node, or a {@link RawSocket}. Names and meaning are those
 * of `Duplex`. What comes in, and how it ends, is told to its `StreamOwner`.
 */
export interface ByteStream {
  readonly destroyed: boolean;
  /** Gone, and its owner was told. */
  readonly closed: boolean;
  readonly readableEnded: boolean;
  /** How many bytes were read ahead and wait in it. */
  readonly readableLength: number;
  readonly writable: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  readonly writableHighWaterMark: number;
  /** How many bytes wait in it to be written. */
  readonly writableLength: number;
  /** Whether its owner will be told when all of that has left. */
  readonly writableNeedDrain: boolean;
  /** Whether we end our direction ourselves when the peer has ended its own. */
  allowHalfOpen: boolean;
  read(): Buffer | null;
  pause(): unknown;
  resume(): unknown;
  /** @param onLeft called when it has left. */
  write(bytes: Uint8Array, onLeft?: () => void): boolean;
  cork(): void;
  uncork(): void;
  end(): unknown;
  /** @param onFinished called when everything has left, and the end behind it. */
  end(bytes: Uint8Array, onFinished: () => void): unknown;
  destroy(): unknown;
}
