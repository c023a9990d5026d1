// Runs in a page: one session, with numbered messages in both directions.
import { type ConnectOptions, connect, type Session, type SessionState } from "hawser";
import { NumberTally, numberedText, type TallyCounts } from "./number-tally.js";

/** How a session was lost: the numbers of what was not confirmed, and of the last message that was sent in it. */
export interface PageReset {
  readonly code: number;
  readonly unconfirmed: readonly number[];
  readonly sent: number;
}

/** What a page tells of its session. */
export interface PageReport {
  readonly state: SessionState;
  readonly sent: number;
  /** How many came in the session that there is now. */
  readonly got: number;
  readonly resets: readonly PageReset[];
  /** Each transport that it lived on, one after the other. */
  readonly transports: readonly string[];
  /** How long each time without a transport took, in ms. */
  readonly outagesMs: readonly number[];
  /** How long it took until it was first live, in ms. */
  readonly firstLiveMs: number;
  readonly statuses: readonly string[];
  /** What a handler threw, or the page did not catch. */
  readonly errors: readonly string[];
}

class PageSession {
  session!: Session;
  sent = 0;
  #tally = new NumberTally();
  readonly #resets: PageReset[] = [];
  readonly #transports: string[] = [];
  readonly #outagesMs: number[] = [];
  readonly #statuses: string[] = [];
  readonly #errors: string[] = [];
  #startedMs = 0;
  #firstLiveMs = -1;
  #lostMs = -1;
  #round = 0;
  #pumpTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    addEventListener("error", ({ message }) => this.#errors.push(message));
    addEventListener("unhandledrejection", ({ reason }) => this.#errors.push(String(reason)));
  }

  start(url: string, options: ConnectOptions): void {
    this.#startedMs = performance.now();
    this.session = connect(url, {
      ...options,
      message: (_session, data) => this.#tally.take(data),
      state: (_session, state) => this.#changed(state),
      reset: (_session, { code, unconfirmed }) => {
        const numbers = unconfirmed.map(({ data }) => Number.parseInt(String(data), 10));
        this.#resets.push({ code, unconfirmed: numbers, sent: this.sent });
        this.#tally = new NumberTally();
      },
      error: (_session, error) => void this.#errors.push(String(error)),
    });
  }

  /** Sends so many more messages, as fast as they are taken. */
  async send(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const status = this.session.send(numberedText(this.sent + 1));
      if (status === "closed") return;
      if (status !== "dropped") this.sent++;
      else i--;
      if (status !== "sent") await this.session.ready();
    }
  }

  /** Sends some messages now and then, until told to stop. */
  pump(count: number, everyMs: number): void {
    clearTimeout(this.#pumpTimer);
    const round = ++this.#round;
    const again = (): void => {
      void this.send(count).then(() => {
        if (round === this.#round) this.#pumpTimer = setTimeout(again, everyMs);
      });
    };
    if (count > 0) again();
  }

  report(): PageReport {
    return {
      state: this.session.state,
      sent: this.sent,
      got: this.#tally.got,
      resets: this.#resets,
      transports: this.#transports,
      outagesMs: this.#outagesMs,
      firstLiveMs: this.#firstLiveMs,
      statuses: this.#statuses,
      errors: this.#errors,
    };
  }

  /** What became of the messages of the server, which sent so many. */
  counts(sent: number): TallyCounts {
    return this.#tally.counts(sent);
  }

  #changed(state: SessionState): void {
    const nowMs = performance.now();
    this.#statuses.push(state.status);
    if (state.status === "live") {
      this.#transports.push(state.transport);
      if (this.#firstLiveMs < 0) this.#firstLiveMs = nowMs - this.#startedMs;
      else if (this.#lostMs >= 0) this.#outagesMs.push(nowMs - this.#lostMs);
      this.#lostMs = -1;
    } else if (this.#lostMs < 0) this.#lostMs = nowMs;
  }
}

const page: PageSession = new PageSession();
Object.assign(globalThis, { page });

export type { PageSession };
