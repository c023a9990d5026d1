/** A message that waits to be given a number. */
export interface QueuedMessage {
  /** What was sent; text that is cut into pieces becomes bytes when its turn comes. */
  data: string | Uint8Array;
  isText: boolean;
  id: Uint8Array | undefined;
  /** Under which it may be replaced, until its first piece leaves. */
  key: string | undefined;
  /** What it counts on its channel. */
  cost: number;
  /** What it counts in the session: less, if it is long and alone on its channel. */
  counted: number;
  /** How many of its bytes have left. */
  offset: number;
}
