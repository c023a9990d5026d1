import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { OpenPacket } from "../wire/open-packet.js";
import type { OpeningTransport } from "./opening-transport.js";
import type { AuthenticationResult } from "./session-handlers.js";
import type { SessionServerHost } from "./session-server-host.js";

/** A transport that wants a session, and what it said. */
export interface WaitingTransport<Request> {
  readonly opening: OpeningTransport<Request>;
  readonly open: OpenPacket;
}

/** More than race each other anyhow. */
const MAX_WAITING_TRANSPORTS = 4;

/** A session that is being authenticated, and the transports that wait for it. A question that is not answered in time is given up. */
export class PendingSession<Data, Request> implements TimerWheelEntry {
  /** What its first transport said. */
  readonly open: OpenPacket;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly #host: SessionServerHost;
  readonly #deadlineMs: number;
  readonly #done: (
    waiting: readonly WaitingTransport<Request>[],
    result: AuthenticationResult<Data> | undefined,
  ) => void;
  #waiting: WaitingTransport<Request>[] = [];
  #isJudged = false;

  /** @param done called once, with the transports that are still there; without a result if there was none, or none in time. */
  constructor(
    host: SessionServerHost,
    open: OpenPacket,
    timeoutMs: number,
    done: (
      waiting: readonly WaitingTransport<Request>[],
      result: AuthenticationResult<Data> | undefined,
    ) => void,
  ) {
    this.#host = host;
    this.open = open;
    this.#done = done;
    this.#deadlineMs = host.nowMs() + timeoutMs;
    host.schedule(this, this.#deadlineMs);
  }

  /** Another transport waits for it; false if there are too many. */
  add(opening: OpeningTransport<Request>, open: OpenPacket): boolean {
    this.#waiting = this.#waiting.filter((waiting) => !waiting.opening.isGone);
    if (this.#waiting.length >= MAX_WAITING_TRANSPORTS) return false;
    this.#waiting.push({ opening, open });
    return true;
  }

  /** The application has answered. What it says later than it may is not asked for any more. */
  judged(result: AuthenticationResult<Data> | undefined): void {
    if (this.#isJudged) return;
    this.#isJudged = true;
    this.#host.unschedule(this);
    this.#done(
      this.#waiting.filter(({ opening }) => !opening.isGone),
      result,
    );
  }

  onDeadline(nowMs: number): number {
    if (nowMs < this.#deadlineMs) return this.#deadlineMs;
    this.judged(undefined);
    return Infinity;
  }
}
