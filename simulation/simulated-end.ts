import type { VirtualClock } from "#testing/virtual-clock.js";

/** A computer: what happens there happens in turns, at whose end the sessions write; while it sleeps, nothing does. */
export class SimulatedEnd {
  readonly name: string;
  readonly #clock: VirtualClock;
  isAsleep = false;
  /** Its process is gone: nothing happens there any more. */
  isDead = false;
  #waiting: (() => void)[] = [];
  /** Called at the end of each turn. */
  #flushes: (() => void)[] = [];
  /** Called behind each turn, when all was written. */
  onTurn: (() => void) | undefined = undefined;

  constructor(name: string, clock: VirtualClock) {
    this.name = name;
    this.#clock = clock;
  }

  /** Has something happen here: now, or when it wakes up. */
  readonly run = (what: () => void): void => {
    if (this.isDead) return;
    if (this.isAsleep) {
      this.#waiting.push(what);
      return;
    }
    what();
    this.endTurn();
  };

  /** Has something happen at the end of this turn. */
  atTurnEnd(what: () => void): void {
    this.#flushes.push(what);
  }

  /** Writes what is to be written. */
  endTurn(): void {
    for (let flush = this.#flushes.shift(); flush !== undefined; flush = this.#flushes.shift()) flush();
    this.onTurn?.();
  }

  /** Sleeps for some time. Then all that should have happened does, late. */
  sleep(durationMs: number): void {
    if (this.isAsleep) return;
    this.isAsleep = true;
    this.#clock.after(durationMs, () => this.wake());
  }

  wake(): void {
    if (!this.isAsleep) return;
    this.isAsleep = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const what of waiting) this.run(what);
  }
}
