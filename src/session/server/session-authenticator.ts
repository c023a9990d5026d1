import { TokenBucket } from "../../core/token-bucket.js";
import { actionOf, SessionCode } from "../wire/session-code.js";
import { Pause } from "./pause.js";
import type { ServerSession } from "./server-session.js";
import type { Authenticate, AuthenticationResult } from "./session-handlers.js";
import type { SessionServerHost } from "./session-server-host.js";

/** When credentials that could not be judged are asked for again, in ms, if the application does not say. */
const ASK_AGAIN_MS = 5_000;
/** How often credentials of a session are judged, a second and at once: a client could ask its question without end. */
const JUDGED_PER_SECOND = 1;
const JUDGED_AT_ONCE = 10;

/** Has the application judge credentials: those that a session begins with, and those that come later. */
export class SessionAuthenticator<Data, Request> {
  readonly #host: SessionServerHost;
  readonly #authenticate: Authenticate<Data, Request> | undefined;
  readonly #timeoutMs: number;
  /** The sessions that are to be asked again, until they are. */
  readonly #askingAgain = new Map<ServerSession<Data, Request>, Pause>();

  /**
   * @param authenticate undefined lets everybody in, with `undefined` as `data`.
   * @param timeoutMs how long it may take where a session is there already.
   */
  constructor(
    host: SessionServerHost,
    authenticate: Authenticate<Data, Request> | undefined,
    timeoutMs: number,
  ) {
    this.#host = host;
    this.#authenticate = authenticate;
    this.#timeoutMs = timeoutMs;
  }

  /** Asks the application who this is. Answers with undefined if that failed. */
  judge(
    request: Request,
    credentials: Uint8Array,
    session: ServerSession<Data, Request> | undefined,
    done: (result: AuthenticationResult<Data> | undefined) => void,
  ): void {
    const authenticate = this.#authenticate;
    if (authenticate === undefined) {
      // Without anybody to say what it is, it is `undefined`: the types of the hub see to that.
      done({ isAccepted: true, data: undefined as Data });
      return;
    }
    const text = this.#host.utf8Decode(credentials, 0, credentials.length);
    if (text === undefined) {
      done({ isAccepted: false, code: SessionCode.unauthorized, reason: "not UTF-8", notBeforeMs: 0 });
      return;
    }
    const failed = (error: unknown): void => {
      this.#host.warn(error);
      done(undefined);
    };
    try {
      const result = authenticate({ credentials: text, request, session });
      if ("then" in result) result.then(done, failed);
      else done(result);
    } catch (error) {
      failed(error);
    }
  }

  /**
   * A session sent new credentials: `authenticate` judges them; who is not accepted loses the session, but for a code that says to try
   * again later. So it is where it fails, or gives no answer in time: what it says behind that is not looked at. Where they come too
   * often, only the last ones count.
   */
  newCredentials(session: ServerSession<Data, Request>, credentials: Uint8Array): void {
    if (session.isAuthenticating) {
      session.nextCredentials = credentials; // only the last ones count
      return;
    }
    session.isAuthenticating = true;
    const startMs = this.#host.nowMs();
    session.judged ??= new TokenBucket(
      JUDGED_PER_SECOND,
      (1_000 * JUDGED_AT_ONCE) / JUDGED_PER_SECOND,
      startMs,
    );
    const nextMs = startMs + session.judged.take(1, startMs);
    const limit = new Pause(this.#host, startMs + this.#timeoutMs);
    let isJudged = false;
    const judged = (result: AuthenticationResult<Data> | undefined): void => {
      if (isJudged) return;
      isJudged = true;
      limit.cutShort();
      if (session.machine.isEnded) return;
      if (result?.isAccepted === true) {
        session.data = result.data;
        this.forget(session);
      } else if (result !== undefined && actionOf(result.code) !== "retry")
        session.end(result.code, result.reason);
      else this.#askLater(session, result?.notBeforeMs ?? 0);
      if (nextMs <= this.#host.nowMs()) this.#judgeNext(session);
      else void Pause.until(this.#host, nextMs).then(() => this.#judgeNext(session));
    };
    void limit.over.then(() => judged(undefined));
    this.judge(session.request, credentials, session, judged);
  }

  /** New credentials may be judged again, and those that came meanwhile are. */
  #judgeNext(session: ServerSession<Data, Request>): void {
    session.isAuthenticating = false;
    const { nextCredentials } = session;
    session.nextCredentials = undefined;
    if (nextCredentials !== undefined && !session.machine.isEnded)
      this.newCredentials(session, nextCredentials);
  }

  /** A session is not to be asked again: it has ended, or was accepted meanwhile. */
  forget(session: ServerSession<Data, Request>): void {
    this.#askingAgain.get(session)?.cutShort();
    this.#askingAgain.delete(session);
  }

  /** New credentials could not be judged just now: the session goes on as it is, and is asked for them again. */
  #askLater(session: ServerSession<Data, Request>, afterMs: number): void {
    if (this.#askingAgain.has(session)) return;
    const pause = new Pause(this.#host, this.#host.nowMs() + (afterMs > 0 ? afterMs : ASK_AGAIN_MS));
    this.#askingAgain.set(session, pause);
    void pause.over.then(() => {
      if (this.#askingAgain.get(session) !== pause) return;
      this.#askingAgain.delete(session);
      session.askForCredentials();
    });
  }
}
