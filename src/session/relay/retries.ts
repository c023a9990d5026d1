/** When something that was not answered is said again for the first time, in ms; then after twice as long, and so on. */
const FIRST_RETRY_MS = 200;

/**
 * When to say something again that a broker may have lost, and when to give up. Not at random times: each node has its own
 * beginning.
 */
export class Retries {
  readonly startedMs: number;
  readonly endMs: number;
  #delayMs = FIRST_RETRY_MS;
  #nextMs: number;

  constructor(nowMs: number, timeoutMs: number) {
    this.startedMs = nowMs;
    this.endMs = nowMs + timeoutMs;
    this.#nextMs = nowMs + FIRST_RETRY_MS;
  }

  /** When to look next. */
  get dueMs(): number {
    return Math.min(this.#nextMs, this.endMs);
  }

  /** What is due now. */
  due(nowMs: number): "again" | "over" | undefined {
    if (nowMs >= this.endMs) return "over";
    if (nowMs < this.#nextMs) return undefined;
    this.#delayMs *= 2;
    this.#nextMs = nowMs + this.#delayMs;
    return "again";
  }
}
