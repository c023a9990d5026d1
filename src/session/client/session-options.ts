import type { OptionalOf } from "../../core/optional-of.js";
import type { ReconnectDelays, SessionDeadlines, SessionLimits } from "../machine/session-config.js";
import type { UnconfirmedMessage } from "../peer-port.js";
import type { SessionState } from "./session-state.js";

/** Who this client is, in the words of the application: a token, JSON, bytes; at most 8,192 bytes. */
export type Credentials = string | Uint8Array;

/** Why a session was reset: what was not confirmed may have arrived, or not, and it is for the application to say what becomes of it. */
export interface SessionReset {
  /** A session code: see `SessionCode`. */
  readonly code: number;
  readonly reason: string;
  /** What was sent and never confirmed, in the order of each channel. */
  readonly unconfirmed: readonly UnconfirmedMessage[];
}

/**
 * What a session tells its application. What a handler throws is reported, and the session goes on.
 *
 * @typeParam Session what the handlers are given.
 */
export interface SessionHandlers<Session> {
  /**
   * A message on the channel that every session has: text is a string, bytes are yours to keep. While a promise that it
   * returns is pending, the next message waits, in the end at the sender. Without it such messages are refused.
   */
  message?(session: Session, data: string | Uint8Array): void | Promise<void>;
  /** The state is another one. */
  state?(session: Session, state: SessionState): void;
  /**
   * The session was lost and a new one begins, or none does: `state` tells. Never called if nothing was lost. Messages that came
   * before are handed over first: it waits for receivers that take their time, up to `closeTimeoutMs`; what they have not taken by then is
   * handed to nobody.
   */
  reset?(session: Session, reset: SessionReset): void;
  /**
   * What a handler, a receiver or `credentials` threw; and that a message is lost since it is too long for the server
   * (`MESSAGE_TOO_LONG`), which was not known when it was sent. Default: on Node a warning of the process, as at a server; in a page it is
   * thrown where nobody catches it, as what an event handler throws.
   */
  error?(session: Session, error: unknown): void;
}

/** What `connect` can be told. All limits are finite by default. */
export interface SessionOptions<Session>
  extends OptionalOf<SessionHandlers<Session>>,
    OptionalOf<SessionLimits>,
    OptionalOf<SessionDeadlines>,
    OptionalOf<ReconnectDelays> {
  /**
   * Who this is. A function is asked before each attempt to begin a session, when the server asks for it again, and by
   * `session.authenticate()`, but not when a session comes back. It may take 30 s. Longer, or a rejection, is told to `error`, and
   * is a failed attempt: the next one asks again. Something that is no credentials closes the session with 4401. Default: nothing
   * is said.
   */
  readonly credentials?: Credentials | (() => Credentials | Promise<Credentials>) | undefined;
  /**
   * Whether cookies go along with HTTP transports, to the own origin as to others. Default false: the secret of the session is all
   * they need. Where the server goes by a cookie, they have to; a browser sends them with a WebSocket in any case.
   */
  readonly withCookies?: boolean | undefined;
}
