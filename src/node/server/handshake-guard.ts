import type { Duplex } from "node:stream";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { nowMs, schedule, unschedule } from "../clock.js";
import { ownStream, type StreamOwner } from "../stream-owner.js";

/**
 * Owns a stream while its opening handshake is not done: an error does not end the process, a peer that takes too long
 * is dropped. In place before anything is awaited. Ends when somebody else takes the stream, or when that is closed.
 */
export class HandshakeGuard implements StreamOwner, TimerWheelEntry {
  readonly stream: Duplex;
  #deadlineMs = Infinity;
  /** Told when the stream is closed. */
  onGone: (() => void) | undefined = undefined;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;

  constructor(stream: Duplex, timeoutMs: number) {
    this.stream = stream;
    ownStream(stream, this);
    this.allow(timeoutMs);
  }

  /** So much time from now on; 0 for no limit. */
  allow(timeoutMs: number): void {
    this.#deadlineMs = timeoutMs === 0 ? Infinity : nowMs() + timeoutMs;
    schedule(this, this.#deadlineMs);
  }

  /** The handshake is over, one way or the other. Until somebody else takes the stream, errors are still caught here. */
  release(): void {
    unschedule(this);
    this.onGone = undefined;
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(timeMs: number): number {
    if (timeMs < this.#deadlineMs) return this.#deadlineMs;
    this.onTimeout();
    return Infinity;
  }

  /** It took too long. */
  protected onTimeout(): void {
    this.stream.destroy();
  }

  /** Nothing is expected: what comes is thrown away. */
  onData(_chunk: Buffer): void {}

  onEnd(): void {}

  /** An error is followed by `close`, which is what counts. */
  onError(_error: unknown): void {}

  onClose(): void {
    const { onGone } = this;
    this.release();
    onGone?.();
  }

  onDrain(): void {}
}
