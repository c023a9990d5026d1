/**
 * Permits so many units a second, and a burst of what comes together in `burstMs`. What is taken has happened already,
 * so that the bucket can go below zero: the debt is then to be waited for. It reads no clock.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #left: number;
  #atMs: number;

  /** Full at first. A burst is one unit at least, or nothing could ever be taken. */
  constructor(perSecond: number, burstMs: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = Math.max(1, this.#perMs * burstMs);
    this.#left = this.#burst;
    this.#atMs = nowMs;
  }

  /** Takes `units`. Returns how long to wait until nothing is owed, in ms: 0 while within the rate. */
  take(units: number, nowMs: number): number {
    const gained = Math.max(0, nowMs - this.#atMs) * this.#perMs;
    this.#atMs = nowMs;
    this.#left = Math.min(this.#burst, this.#left + gained) - units;
    return this.#left >= 0 ? 0 : -this.#left / this.#perMs;
  }
}
