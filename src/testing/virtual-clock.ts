/** Something that will happen. */
export interface VirtualEvent {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once it was cancelled. */
  run: (() => void) | undefined;
}

/**
 * A clock that goes only from one event to the next: what takes an hour takes as long as what happens in it. Events of the same
 * time come in the order in which they were set.
 */
export class VirtualClock {
  /** The time, in ms from 0 on. */
  nowMs = 0;
  #order = 0;
  /** A binary heap, the next event first. */
  readonly #events: VirtualEvent[] = [];

  /** Has something happen at a time; a time that is past is now. */
  at(atMs: number, run: () => void): VirtualEvent {
    const event: VirtualEvent = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, run };
    const events = this.#events;
    let i = events.length;
    events.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(event, events[parent]!)) break;
      events[i] = events[parent]!;
      i = parent;
    }
    events[i] = event;
    return event;
  }

  /** Has something happen in `delayMs`. */
  after(delayMs: number, run: () => void): VirtualEvent {
    return this.at(this.nowMs + delayMs, run);
  }

  /** Goes on to the next event, and has it happen; false if there is none up to `untilMs`, which it is then. */
  step(untilMs: number = Infinity): boolean {
    const events = this.#events;
    for (;;) {
      const first = events[0];
      if (first === undefined || first.atMs > untilMs) {
        if (untilMs < Infinity) this.nowMs = untilMs;
        return false;
      }
      this.#removeFirst();
      if (first.run === undefined) continue;
      this.nowMs = first.atMs;
      const { run } = first;
      first.run = undefined;
      run();
      return true;
    }
  }

  #removeFirst(): void {
    const events = this.#events;
    const last = events.pop()!;
    if (events.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1]!, events[child]!)) child++;
      if (!isBefore(events[child]!, last)) break;
      events[i] = events[child]!;
      i = child;
    }
    events[i] = last;
  }
}

function isBefore(one: VirtualEvent, other: VirtualEvent): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
