import type { SessionDeadlines } from "./session-config.js";

/** A server asks later than a client would, so that in the end only one of the two does. */
const SERVER_PATIENCE = 1.5;
/** Records that are not confirmed are a question already; without an answer after this, in ms, one that must be answered. */
const UNCONFIRMED_MS = 2_500;

/**
 * Whether the other side is there. What comes in only sets a flag; the clock is read when something is due. Whatever is heard proves
 * life; a ping is sent when nothing is.
 */
export class Heartbeat {
  /** Something is due for records that have left, and later ones change nothing about it. */
  #isExpecting = false;
  readonly #deadlines: SessionDeadlines;
  readonly #patience: number;
  /** Something was heard since the last look. */
  heard = false;
  /** When to look again. */
  dueMs: number = Infinity;
  /** When the last ping was sent; -1 if it was answered. */
  #askedMs = -1;
  #intervalMs = 0;
  /** Smoothed, in ms. */
  roundTripMs: number | undefined = undefined;
  /** What the last ping carries. */
  question = 0;

  constructor(deadlines: SessionDeadlines, isServer: boolean) {
    this.#deadlines = deadlines;
    this.#patience = isServer ? SERVER_PATIENCE : 1;
  }

  /** A transport carries the session from now on. */
  start(nowMs: number): void {
    this.wasBusy();
    this.#quiet(nowMs, false);
  }

  /** More than pings goes to and fro. */
  wasBusy(): void {
    this.#intervalMs = this.#deadlines.pingIntervalMs * this.#patience;
  }

  /** Records have left, so that an answer should come. Answers whether `dueMs` may be earlier now. */
  expect(clock: { nowMs(): number }): boolean {
    if (this.#isExpecting) return false;
    this.wasBusy();
    if (this.#askedMs >= 0) return false;
    this.#isExpecting = true;
    this.dueMs = Math.min(this.dueMs, clock.nowMs() + UNCONFIRMED_MS);
    return true;
  }

  /**
   * What is due now: nothing, or a ping, or the end, since a ping was not answered. With `isLate` the machine slept, and the
   * silence proves nothing: it is asked again.
   * @param isWaiting whether there are records that are not confirmed.
   */
  check(nowMs: number, isLate: boolean, isWaiting: boolean): "ping" | "dead" | undefined {
    if (!isLate) {
      if (nowMs < this.dueMs) return undefined;
      if (this.heard) {
        this.#quiet(nowMs, isWaiting);
        return undefined;
      }
      if (this.#askedMs >= 0) return "dead";
    }
    this.ask(nowMs);
    return "ping";
  }

  /** A ping is being sent. */
  ask(nowMs: number): void {
    this.heard = this.#isExpecting = false;
    this.question = (this.question + 1) & 0x7f;
    this.#askedMs = nowMs;
    this.#intervalMs = Math.min(2 * this.#intervalMs, this.#deadlines.maxPingIntervalMs * this.#patience);
    this.dueMs = nowMs + this.#deadlines.pongTimeoutMs;
  }

  /** A pong came for this question. */
  answered(question: number, nowMs: number): void {
    if (this.#askedMs < 0 || question !== this.question) return;
    this.measured(nowMs - this.#askedMs);
    this.#quiet(nowMs, false);
  }

  /** A round trip took so long. */
  measured(roundTripMs: number): void {
    const before = this.roundTripMs ?? roundTripMs;
    this.roundTripMs = before + (roundTripMs - before) / 4;
  }

  #quiet(nowMs: number, isWaiting: boolean): void {
    this.#askedMs = -1;
    this.#isExpecting = isWaiting;
    this.heard = false;
    this.dueMs = nowMs + (isWaiting ? UNCONFIRMED_MS : this.#intervalMs);
  }
}
