import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { nowMs, schedule, unschedule } from "../clock.js";

/** How long a session without streams is kept for more of them: longer than Node's 5 s, since it costs more to make. */
const MAX_IDLE_MS = 60_000;

/** Watches a session of HTTP/2: one that opens no stream is dropped, one that has none any more is closed. */
export class SessionGuard implements TimerWheelEntry {
  readonly session: ServerHttp2Session;
  #openStreams = 0;
  #hadStreams = false;
  #deadlineMs: number;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;

  /** @param timeoutMs how long the first stream may take; 0 for no limit. */
  constructor(session: ServerHttp2Session, timeoutMs: number) {
    this.session = session;
    this.#deadlineMs = timeoutMs === 0 ? Infinity : nowMs() + timeoutMs;
    schedule(this, this.#deadlineMs);
    session.on("stream", (stream: ServerHttp2Stream) => {
      this.#openStreams++;
      this.#hadStreams = true;
      this.#deadlineMs = Infinity;
      if (stream.destroyed) this.#onStreamClosed();
      else stream.once("close", this.#onStreamClosed);
    });
    session.once("close", () => unschedule(this));
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(timeMs: number): number {
    if (timeMs < this.#deadlineMs) return this.#deadlineMs;
    // Who never did anything has nothing that could still be on its way.
    if (this.#hadStreams) this.session.close();
    else this.session.destroy();
    return Infinity;
  }

  /** One function for all streams of the session. */
  readonly #onStreamClosed = (): void => {
    if (--this.#openStreams > 0 || this.session.destroyed) return;
    this.#deadlineMs = nowMs() + MAX_IDLE_MS;
    schedule(this, this.#deadlineMs);
  };
}
