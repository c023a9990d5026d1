import type { Duplex } from "node:stream";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { nowMs, schedule, unschedule } from "../clock.js";

/**
 * Watches over a socket while its opening handshake is not done: an error does not end the process, a peer that takes
 * too long is dropped. Attached before anything is awaited.
 */
export class HandshakeGuard implements TimerWheelEntry {
  readonly #stream: Duplex;
  readonly #onTimeout: () => void;
  readonly #deadlineMs: number;
  readonly #onClose = (): void => this.release();
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;

  constructor(stream: Duplex, timeoutMs: number, onTimeout: () => void = () => stream.destroy()) {
    this.#stream = stream;
    this.#onTimeout = onTimeout;
    stream.on("error", ignore);
    stream.once("close", this.#onClose);
    this.#deadlineMs = timeoutMs === 0 ? Infinity : nowMs() + timeoutMs;
    schedule(this, this.#deadlineMs);
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(timeMs: number): number {
    if (timeMs < this.#deadlineMs) return this.#deadlineMs;
    this.#onTimeout();
    return Infinity;
  }

  /** The handshake is done, and somebody else listens for errors now. */
  handOver(): void {
    this.release();
    this.#stream.off("error", ignore);
  }

  /** The handshake is over. The listener for errors stays: nobody else has one. */
  release(): void {
    unschedule(this);
    this.#stream.off("close", this.#onClose);
  }
}

/** An error is followed by `close`, which is what counts. */
function ignore(): void {}
