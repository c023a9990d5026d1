import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { SessionHost } from "../machine/session-host.js";

/** What a server of sessions needs from where it runs, besides what each session does. */
export interface SessionServerHost extends SessionHost {
  /** Calls `entry.onDeadline` at that time on the clock of the host, or a little later; replaces what was scheduled for it. */
  schedule(entry: TimerWheelEntry, deadlineMs: number): void;
  /** Takes an entry off the clock. */
  unschedule(entry: TimerWheelEntry): void;
  /** Calls `flush` when this turn of the event loop ends. */
  endOfTurn(flushable: { flush(): void }): void;
  /** Something of the application failed and nobody else is there to hear of it. */
  warn(error: unknown): void;
}
