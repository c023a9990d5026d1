import type { SessionEnd } from "../peer-port.js";
import type { ServerSession } from "./server-session.js";

/** Why a session has no transport just now. */
export interface Suspension {
  /** The session code: see `SessionCode`. */
  readonly code: number;
  /** In a few words. */
  readonly reason: string;
}

/**
 * What an application does with its sessions. One object serves all of them. What throws here, or returns a promise that is
 * rejected, is told to `error`; the session goes on.
 *
 * @typeParam Data what the application keeps with each session.
 * @typeParam Request what it knows of the request that opened a session.
 */
export interface SessionHandlers<Data, Request> {
  /** A session began. Nothing of what the client sent was handed over yet: set receivers here. */
  open?(session: ServerSession<Data, Request>): void | Promise<void>;
  /**
   * A message came: text as a string, binary as bytes that are yours to keep. A promise that is returned holds its channel
   * back: the next message comes when it is settled, and a client that goes on sending has to wait.
   * @param channel its name; empty for the channel that every session has.
   */
  message?(
    session: ServerSession<Data, Request>,
    data: string | Uint8Array,
    channel: string,
    id: Uint8Array | undefined,
  ): void | Promise<void>;
  /**
   * Whether a client may send on a channel of this name. By default it may on those that have a receiver of their own
   * (`session.receive`), and where there is one for `"*"`: else names would be the client's to invent.
   */
  channel?(session: ServerSession<Data, Request>, name: string): boolean | Promise<boolean>;
  /** A session lost its transport. It waits for its client, within the resume window. */
  suspended?(session: ServerSession<Data, Request>, why: Suspension): void | Promise<void>;
  /** A session goes on over another transport. Nothing was lost in between. */
  resumed?(session: ServerSession<Data, Request>): void | Promise<void>;
  /** A session was lost: its client did not come back, it was evicted or broke a rule. The last call for this session. */
  reset?(session: ServerSession<Data, Request>, end: SessionEnd): void | Promise<void>;
  /** A session was closed in order, by either side. The last call for this session. */
  closed?(session: ServerSession<Data, Request>, end: SessionEnd): void | Promise<void>;
  /** Messages were dropped on a channel, by its policy. */
  dropped?(session: ServerSession<Data, Request>, channel: string, count: number): void | Promise<void>;
  /**
   * A handler or a receiver failed. By default it is a warning of the process. Told, too, with `CHANNEL_REFUSED`, of a channel that
   * the client takes nothing on, unless its receiver has `refused`: what it skipped is lost.
   */
  error?(session: ServerSession<Data, Request>, error: unknown): void | Promise<void>;
}

/** What somebody who wants a session says about who it is. */
export interface SessionAttempt<Data, Request> {
  /** What the client was given to say, as text; empty if it says nothing. */
  readonly credentials: string;
  /** The request that the transport came in: address, header fields, cookies. */
  readonly request: Request;
  /** The session for which these are new credentials; undefined where one is to begin. */
  readonly session: ServerSession<Data, Request> | undefined;
}

/** That somebody is let in, or not. */
export type AuthenticationResult<Data> =
  | { readonly isAccepted: true; readonly data: Data }
  | {
      readonly isAccepted: false;
      /** The session code to refuse with. */
      readonly code: number;
      readonly reason: string;
      /** When to come back, in ms; 0 for as the code says. */
      readonly notBeforeMs: number;
    };

/** Decides who may have a session. */
export type Authenticate<Data, Request> = (
  attempt: SessionAttempt<Data, Request>,
) => AuthenticationResult<Data> | Promise<AuthenticationResult<Data>>;
