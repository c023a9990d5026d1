import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { nowMs, schedule } from "../clock.js";

/** What can be kept, and let go of at any time. */
export interface Keeper {
  /** To be set at each use: a flag and no time, since it is set for each message. */
  isInUse: boolean;
  /** Closes what it keeps; it must do without, or ask again. */
  letGo(): void;
}

/** One that is worth a stream from its second use on: a single message does not pay for it. */
export interface RepeatedKeeper extends Keeper {
  /** Whether it was used since it last let go. */
  hasBeenUsed: boolean;
}

/** A stream not used for this long is closed, up to a second later: what it takes then is worth less than its memory. */
const IDLE_MS = 2_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Who may keep a stream open between two messages. Opening one costs more than a short message, and each takes some 80
 * KiB; so only those get one that exchange messages all the time, and not more than so many at once.
 */
export class KeptStreams implements TimerWheelEntry {
  readonly #max: number;
  /** With when each was last found to have been used. */
  readonly #keepers = new Map<Keeper, number>();
  #lookedAtMs = -Infinity;
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
    // Who is not admitted asks again with each message: not all are looked at each time.
    if (this.#keepers.size >= this.#max && now - this.#lookedAtMs >= LOOK_EVERY_MS) this.#letGoOfIdle(now);
    if (this.#keepers.size >= this.#max) return false;
    keeper.isInUse = true;
    this.#keepers.set(keeper, now);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      schedule(this, now + LOOK_EVERY_MS);
    }
    return true;
  }

  /** As {@link admit}, but never at the first use. */
  admitRepeated(keeper: RepeatedKeeper): boolean {
    if (keeper.hasBeenUsed) return this.admit(keeper);
    keeper.hasBeenUsed = true;
    return false;
  }

  /** It is closed. */
  remove(keeper: Keeper): void {
    this.#keepers.delete(keeper);
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(timeMs: number): number {
    this.#letGoOfIdle(timeMs);
    this.#isScheduled = this.#keepers.size > 0;
    return this.#isScheduled ? timeMs + LOOK_EVERY_MS : Infinity;
  }

  #letGoOfIdle(timeMs: number): void {
    this.#lookedAtMs = timeMs;
    for (const [keeper, usedAtMs] of this.#keepers) {
      if (keeper.isInUse) {
        keeper.isInUse = false;
        this.#keepers.set(keeper, timeMs);
      } else if (usedAtMs <= timeMs - IDLE_MS) {
        this.#keepers.delete(keeper);
        keeper.letGo();
      }
    }
  }
}
