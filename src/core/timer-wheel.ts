/** Something with a deadline. The fields belong to the wheel; they make up a list without an object per entry. */
export interface TimerWheelEntry {
  /** @internal */
  timerNext: TimerWheelEntry | null;
  /** @internal */
  timerPrevious: TimerWheelEntry | null;
  /** @internal The slot it stands in, or -1. */
  timerSlot: number;
  /**
   * @internal Called when its time has come, or before, if that is far away: look at `nowMs`. Returns its next deadline in
   * ms on the same clock, the same one again if it was called before it, or Infinity for none.
   */
  onDeadline(nowMs: number): number;
}

const SLOTS = 512;

/**
 * One coarse wheel for the deadlines of all connections (Varghese and Lauck, scheme 5). An entry costs three
 * fields and no timer; setting and moving one is a few assignments. A deadline within the horizon (`SLOTS * tickMs`
 * from the last {@link advance}) is met up to one tick late and never early. Beyond it an entry waits in the last
 * slot, is called early and says again when its time is: the wheel itself does not keep deadlines.
 * The wheel holds no timer: the host calls {@link advance} and asks {@link nextMs} when to call again.
 */
export class TimerWheel {
  /** The length of a tick in ms. */
  readonly tickMs: number;
  readonly #slots: (TimerWheelEntry | null)[] = new Array<TimerWheelEntry | null>(SLOTS).fill(null);
  #tick: number;
  #size = 0;

  constructor(nowMs: number, tickMs = 100) {
    this.tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
  }

  /** How many entries wait. */
  get size(): number {
    return this.#size;
  }

  /** Puts `entry` at `deadlineMs`, or moves it there; Infinity takes it out. */
  set(entry: TimerWheelEntry, deadlineMs: number): void {
    this.remove(entry);
    if (deadlineMs === Infinity) return;
    const due = Math.ceil(deadlineMs / this.tickMs);
    const tick = Math.min(Math.max(due, this.#tick + 1), this.#tick + SLOTS - 1);
    const slot = tick % SLOTS;
    const first = this.#slots[slot]!;
    entry.timerSlot = slot;
    entry.timerPrevious = null;
    entry.timerNext = first;
    if (first !== null) first.timerPrevious = entry;
    this.#slots[slot] = entry;
    this.#size++;
  }

  /** Takes `entry` out, if it is in. */
  remove(entry: TimerWheelEntry): void {
    if (entry.timerSlot < 0) return;
    if (entry.timerPrevious === null) this.#slots[entry.timerSlot] = entry.timerNext;
    else entry.timerPrevious.timerNext = entry.timerNext;
    if (entry.timerNext !== null) entry.timerNext.timerPrevious = entry.timerPrevious;
    entry.timerNext = null;
    entry.timerPrevious = null;
    entry.timerSlot = -1;
    this.#size--;
  }

  /** When to call {@link advance} again, in ms on the same clock; Infinity while nothing waits. */
  nextMs(): number {
    if (this.#size === 0) return Infinity;
    for (let tick = this.#tick + 1; tick < this.#tick + SLOTS; tick++) {
      if (this.#slots[tick % SLOTS] !== null) return tick * this.tickMs;
    }
    return Infinity;
  }

  /** Calls every entry whose slot has come. After a long sleep each slot is visited once, not once a tick. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs / this.tickMs);
    const from = Math.max(this.#tick + 1, target - SLOTS + 1);
    for (let tick = from; tick <= target; tick++) {
      this.#tick = tick;
      this.#fire(tick % SLOTS, nowMs);
    }
    if (target > this.#tick) this.#tick = target;
  }

  #fire(slot: number, nowMs: number): void {
    // Detached before the first call: an entry that is set again must not be met twice in this round.
    let entry = this.#slots[slot]!;
    const due: TimerWheelEntry[] = [];
    while (entry !== null) {
      due.push(entry);
      entry = entry.timerNext!;
    }
    for (const one of due) {
      if (one.timerSlot !== slot) continue; // removed or moved by a call before it
      this.remove(one);
      const next = one.onDeadline(nowMs);
      if (one.timerSlot < 0) this.set(one, next);
    }
  }
}
