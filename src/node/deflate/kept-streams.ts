import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { nowMs, schedule } from "../clock.js";

/** What can be kept, and let go of at any time. */
export interface Keeper {
  /** Closes what it keeps; it must do without, or ask again. */
  letGo(): void;
}

/** A stream of zlib not used for this long is closed: what it takes then is worth less than its memory. */
const IDLE_MS = 2_000;

/**
 * Who may keep a stream of zlib open between two messages. Opening one costs more than a short message, and each takes
 * up to 268 KiB; so only those get one that exchange messages all the time, and not more than so many at once.
 */
export class KeptStreams implements TimerWheelEntry {
  readonly #max: number;
  /** With when each was used last, the longest unused first. */
  readonly #keepers = new Map<Keeper, number>();
  #isScheduled = false;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;

  /** @param max how many may be kept at once. */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many are kept. */
  get size(): number {
    return this.#keepers.size;
  }

  /** Whether `keeper` may open a stream and keep it. */
  admit(keeper: Keeper): boolean {
    const now = nowMs();
    if (this.#keepers.size >= this.#max && this.#letGoBefore(now - IDLE_MS, 1) === 0) return false;
    this.#keepers.set(keeper, now);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      schedule(this, now + IDLE_MS);
    }
    return true;
  }

  /** It was used. */
  touch(keeper: Keeper): void {
    if (!this.#keepers.delete(keeper)) return;
    this.#keepers.set(keeper, nowMs());
  }

  /** It is closed. */
  remove(keeper: Keeper): void {
    this.#keepers.delete(keeper);
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(timeMs: number): number {
    this.#letGoBefore(timeMs - IDLE_MS, Infinity);
    this.#isScheduled = this.#keepers.size > 0;
    return this.#isScheduled ? timeMs + IDLE_MS / 2 : Infinity;
  }

  #letGoBefore(timeMs: number, most: number): number {
    let count = 0;
    for (const [keeper, usedAtMs] of this.#keepers) {
      if (usedAtMs > timeMs || count === most) break;
      this.#keepers.delete(keeper);
      keeper.letGo();
      count++;
    }
    return count;
  }
}
