import type { TimerWheelEntry } from "../../core/timer-wheel.js";

/** What relays need of where they run: time, text, and the end of a turn. */
export interface RelayHost {
  /** A monotonic clock in ms. */
  nowMs(): number;
  /** Bytes, which need not be zero: a `Buffer` on Node. */
  allocate(byteLength: number): Uint8Array;
  /** Writes `text` as UTF-8 at `position` and returns the number of bytes. Room for three bytes a unit is there. */
  utf8Write(text: string, bytes: Uint8Array, position: number): number;
  /** Reads UTF-8; undefined if it is not valid. */
  utf8Decode(bytes: Uint8Array, start: number, end: number): string | undefined;
  /** Calls `entry.onDeadline` at that time, or a little later; replaces what was scheduled for it. */
  schedule(entry: TimerWheelEntry, deadlineMs: number): void;
  /** Takes an entry off the clock. */
  unschedule(entry: TimerWheelEntry): void;
  /** Calls `flush` when this turn of the event loop ends, and not before this returns. */
  endOfTurn(flushable: { flush(): void }): void;
  /** Something went wrong that nobody else hears of. */
  warn(error: unknown): void;
}
