/** Time that passes when a test says so, for the `clock` of a contract. */
export class ManualClock {
  #nowMs = 1000;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.size;
  }

  /** As `Clock` has it. */
  nowMs(): number {
    return this.#nowMs;
  }

  /** As `Clock` has it. */
  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Lets `ms` pass, and calls what is due, in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      let next: { readonly atMs: number; readonly callback: () => void } | undefined;
      for (const timer of this.#timers) {
        if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}
