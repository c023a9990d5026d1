import type { Clock } from "./clock.js";

/** Something that ends at a time. */
export interface DeadlineEntry {
  /** On the clock; never changed while the entry is in. */
  readonly deadlineMs: number;
  /** Called once, when it is over; the entry is out already. */
  deadlineOver(): void;
}

/**
 * The deadlines of one conversation, with one timer. Most calls are answered long before: to add and remove one is to add
 * to and remove from a set, and the timer is left to fire for nothing.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #entries = new Set<DeadlineEntry>();
  #timerMs = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(entry: DeadlineEntry): void {
    if (entry.deadlineMs === Infinity) return;
    this.#entries.add(entry);
    if (entry.deadlineMs < this.#timerMs) this.#set(entry.deadlineMs);
  }

  remove(entry: DeadlineEntry): void {
    this.#entries.delete(entry);
  }

  /** Leaves no timer behind. */
  clear(): void {
    this.#entries.clear();
    this.#cancelTimer?.();
    this.#timerMs = Infinity;
  }

  #set(deadlineMs: number): void {
    this.#cancelTimer?.();
    this.#timerMs = deadlineMs;
    this.#cancelTimer = this.#clock.after(Math.max(0, deadlineMs - this.#clock.nowMs()), () => this.#fired());
  }

  #fired(): void {
    this.#timerMs = Infinity;
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.nowMs();
    let nextMs = Infinity;
    for (const entry of [...this.#entries]) {
      if (entry.deadlineMs > nowMs) nextMs = Math.min(nextMs, entry.deadlineMs);
      else if (this.#entries.delete(entry)) entry.deadlineOver();
    }
    if (nextMs < this.#timerMs && this.#entries.size > 0) this.#set(nextMs);
  }
}
