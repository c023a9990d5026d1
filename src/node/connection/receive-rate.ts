import { TokenBucket } from "../../core/token-bucket.js";
import type { RateLimits } from "./connection-options.js";

/** What one connection received, against what it may: made only where a rate is limited. */
export class ReceiveRate {
  readonly #bytes: TokenBucket | undefined;
  readonly #frames: TokenBucket | undefined;
  /** Until when nothing is read, on the clock of `nowMs`; 0 while it is. */
  delayedUntilMs = 0;
  /** Whether the application paused reading as well, and so goes on being paused when the delay is over. */
  isPausedByUser: boolean;

  constructor(limits: RateLimits, isPaused: boolean, nowMs: number) {
    this.isPausedByUser = isPaused;
    const { maxReceivedBytesPerSecond, maxReceivedFramesPerSecond, rateBurstMs } = limits;
    this.#bytes = bucket(maxReceivedBytesPerSecond, rateBurstMs, nowMs);
    this.#frames = bucket(maxReceivedFramesPerSecond, rateBurstMs, nowMs);
  }

  /** Charges what a chunk brought. Returns for how many ms nothing more may be read. */
  charge(bytes: number, frames: number, nowMs: number): number {
    return Math.max(this.#bytes?.take(bytes, nowMs) ?? 0, this.#frames?.take(frames, nowMs) ?? 0);
  }
}

/** Whether any rate is limited at all. */
export function isRateLimited(limits: RateLimits): boolean {
  return limits.maxReceivedBytesPerSecond !== Infinity || limits.maxReceivedFramesPerSecond !== Infinity;
}

function bucket(perSecond: number, burstMs: number, nowMs: number): TokenBucket | undefined {
  return perSecond === Infinity ? undefined : new TokenBucket(perSecond, burstMs, nowMs);
}
