/**
 * What a session needs from where it runs: text, time and chance. Given from outside, so that a session runs anywhere and every
 * schedule can be replayed.
 */
export interface SessionHost {
  /** A monotonic clock in ms. */
  nowMs(): number;
  /** From 0 up to, but not including, 1: for jitter. Need not be unpredictable. */
  random(): number;
  /** Bytes that nobody can predict: the id and the token of a session. */
  randomBytes(byteLength: number): Uint8Array;
  /** Bytes of the kind that the host writes text into most quickly, which need not be zero: a `Buffer` on Node. */
  allocate(byteLength: number): Uint8Array;
  /** Writes `text` as UTF-8 at `position` and returns the number of bytes. Room for three bytes a unit is there. */
  utf8Write(text: string, bytes: Uint8Array, position: number): number;
  /** Reads UTF-8; undefined if it is not valid. */
  utf8Decode(bytes: Uint8Array, start: number, end: number): string | undefined;
}
