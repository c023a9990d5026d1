import { setImmediate } from "node:timers/promises";
import type { PeerEvent } from "./peer-event.js";

/** Enough for a peer in the same process to read and to answer. */
const SPARE_TURNS = 4;

/** What the peer did and the case has not yet looked at. The end of the transport is the last event, and stays. */
export class EventQueue {
  readonly #events: PeerEvent[] = [];
  #end: PeerEvent | undefined;
  #waiter: (() => void) | undefined;

  /** Whether the transport has ended. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  push(event: PeerEvent): void {
    this.#events.push(event);
    this.wake();
  }

  /** Notes the end of the transport; only the first time counts, and returns true. */
  end(how: string): boolean {
    if (this.#end !== undefined) return false;
    this.#end = { type: "end", how };
    this.wake();
    return true;
  }

  /** The next event. */
  async next(): Promise<PeerEvent> {
    for (;;) {
      const event = this.#events.shift() ?? this.#end;
      if (event !== undefined) return event;
      await this.changed();
    }
  }

  /** Whether there is an event, or comes to be one in so long. */
  async hasEventWithin(milliseconds: number): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    while (!this.#hasEvent()) {
      const left = deadline - performance.now();
      if (left <= 0) {
        // Where this process was busy itself, the answer may lie there unread: timers come before sockets.
        for (let turn = 0; turn < SPARE_TURNS && !this.#hasEvent(); turn++) await setImmediate();
        return this.#hasEvent();
      }
      const timer = setTimeout(() => this.wake(), left);
      await this.changed();
      clearTimeout(timer);
    }
    return true;
  }

  /** Resolves at the next {@link wake}. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }

  /** Says that there is something to look at. */
  wake(): void {
    this.#waiter?.();
    this.#waiter = undefined;
  }

  #hasEvent(): boolean {
    return this.#events.length > 0 || this.#end !== undefined;
  }
}
