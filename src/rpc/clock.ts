/** Time for deadlines, given from outside so that a test can turn it. */
export interface Clock {
  /** A monotonic clock in ms. */
  nowMs(): number;
  /** Calls once after so many ms, unless what it returned was called before. */
  after(delayMs: number, callback: () => void): () => void;
}

/** A longer delay of `setTimeout` is taken for none. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The clock of the platform. On Node it does not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS));
    if (typeof timer === "object") timer.unref();
    return () => clearTimeout(timer);
  },
};
