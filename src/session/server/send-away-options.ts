/** How the sessions of a server end when it goes down. */
export interface SendAwayOptions {
  readonly reason: string;
  /** When clients may come back at the earliest, in ms. */
  readonly notBeforeMs: number;
  /** Over how long behind that they come back, each at a random time, in ms. */
  readonly spreadMs: number;
  /** How long to wait until what was sent is confirmed, in ms. */
  readonly drainTimeoutMs: number;
}
