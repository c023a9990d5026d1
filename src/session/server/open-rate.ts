import { TokenBucket } from "../../core/token-bucket.js";

/** What may come at once, in ms of the rate. */
const BURST_MS = 2_000;
/** After so much time without a word an address is forgotten, in ms, at the earliest. */
const KEEP_MS = 10_000;

/** How fast sessions are begun, by address. It forgets who has not been heard of for a while, and so stays small. */
export class OpenRate {
  readonly #perSecond: number;
  #recent = new Map<string, TokenBucket>();
  #older = new Map<string, TokenBucket>();
  #turnAtMs = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether one more may come from there now. */
  admits(address: string, nowMs: number): boolean {
    if (this.#perSecond === Infinity || address === "") return true;
    if (nowMs >= this.#turnAtMs) {
      this.#older = this.#recent;
      this.#recent = new Map();
      this.#turnAtMs = nowMs + KEEP_MS;
    }
    const bucket =
      this.#recent.get(address) ??
      this.#older.get(address) ??
      new TokenBucket(this.#perSecond, BURST_MS, nowMs);
    this.#recent.set(address, bucket);
    if (bucket.take(1, nowMs) === 0) return true;
    bucket.take(-1, nowMs); // who is refused owes nothing
    return false;
  }
}
