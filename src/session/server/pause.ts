import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { SessionServerHost } from "./session-server-host.js";

/** Some time that passes, as a promise. */
export class Pause implements TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly #untilMs: number;
  readonly #resolve: () => void;

  private constructor(untilMs: number, resolve: () => void) {
    this.#untilMs = untilMs;
    this.#resolve = resolve;
  }

  /** Resolves at that time on the clock of the host, or a little later. */
  static until(host: Pick<SessionServerHost, "schedule">, timeMs: number): Promise<void> {
    return new Promise((resolve) => host.schedule(new Pause(timeMs, resolve), timeMs));
  }

  onDeadline(nowMs: number): number {
    if (nowMs < this.#untilMs) return this.#untilMs;
    this.#resolve();
    return Infinity;
  }
}
