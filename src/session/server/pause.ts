import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { SessionServerHost } from "./session-server-host.js";

/** Some time that passes, as a promise. */
export class Pause implements TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  /** Resolves when the time has come, or a little later; or when it was cut short. */
  readonly over: Promise<void>;
  readonly #host: Pick<SessionServerHost, "schedule" | "unschedule">;
  readonly #untilMs: number;
  #resolve!: () => void;

  /** Until that time on the clock of the host. */
  constructor(host: Pick<SessionServerHost, "schedule" | "unschedule">, untilMs: number) {
    this.#host = host;
    this.#untilMs = untilMs;
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    host.schedule(this, untilMs);
  }

  /** Resolves at that time on the clock of the host, or a little later. */
  static until(host: Pick<SessionServerHost, "schedule" | "unschedule">, timeMs: number): Promise<void> {
    return new Pause(host, timeMs).over;
  }

  /** It is over now. */
  cutShort(): void {
    this.#host.unschedule(this);
    this.#resolve();
  }

  onDeadline(nowMs: number): number {
    if (nowMs < this.#untilMs) return this.#untilMs;
    this.#resolve();
    return Infinity;
  }
}
