/**
 * The ways a session can travel. `websocket` is one connection for both directions; `stream` and `sse` are a response
 * that does not end, with a POST for what goes up; `long-polling` and `polling` are one request after another.
 */
export type TransportName = "websocket" | "stream" | "sse" | "long-polling" | "polling";

/**
 * One way that a session travels for a while, seen from above: blocks go in, blocks come out at the other end. What is in
 * a block is the session's business; where it begins and ends is the transport's (`docs/wire/session-v1.md` §2).
 *
 * What an implementation promises:
 *
 * - **Whole blocks**: a block arrives as it was sent, or not at all. A transport of text encodes it as it likes.
 * - **In order, once**: of what was sent over this transport, a block arrives behind those before it, and never twice.
 * - **Without gaps, or it says so**: it may lose blocks only if it then calls {@link TransportReceiver.lost} at the sender,
 *   or ends. A response that never arrived is such a loss, and it is noticed by the next request.
 * - **Later**: it calls its receiver neither from within {@link send} nor from within {@link close}.
 * - **Nothing behind the end**: `closed` is the last call to the receiver, and is made exactly once, whoever closed.
 * - **No throw**: using it behind its end does nothing.
 */
export interface Transport {
  /** Which way this is. */
  readonly name: TransportName;
  /**
   * How many bytes it was given and has not handed to the system. The session stops writing above its mark, and goes on at
   * {@link TransportReceiver.drained}.
   */
  readonly bufferedBytes: number;
  /** Who is called for what comes. Set before anything can come; the server hands a transport over by setting it again. */
  receiver: TransportReceiver;
  /**
   * Sends `bytes[start, end)` as one block, of 65,536 bytes at most. The bytes are the caller's again when this returns: what
   * is kept is copied.
   */
  send(bytes: Uint8Array, start: number, end: number): void;
  /**
   * Sends a block that other sessions send as well, one after the other, as {@link send} does. Its bytes never change, so that
   * it may be kept as it is, and what it becomes on the way be used for all of them.
   */
  sendShared?(block: Uint8Array): void;
  /**
   * Ends it, behind what was sent before. `code` is a session code (`SessionCode`, 4000-4999), which a WebSocket uses as its
   * close code; other transports need not carry it, since the session sends a packet that says the same.
   */
  close(code: number, reason: string): void;
  /**
   * Reads nothing more for now, where it can: for what a session's own windows do not hold back, on the way to another node.
   */
  pause?(): void;
  /** Reads again. */
  resume?(): void;
}

/** What a transport tells whoever uses it. The link of a session is one: `session.attach(transport)` makes it. */
export interface TransportReceiver {
  /** A block arrived: `bytes[start, end)`, valid during the call only. */
  block(bytes: Uint8Array, start: number, end: number): void;
  /** `bufferedBytes` is low again after it was above {@link DRAIN_ABOVE_BYTES}. */
  drained(): void;
  /** Blocks that were sent may never arrive; the transport itself goes on. The session sends again what is not confirmed. */
  lost(): void;
  /**
   * The transport is gone.
   * @param code the session code that the peer closed with; 0 if there was none: a broken connection, a status, a timeout.
   */
  closed(code: number, reason: string): void;
}

/**
 * From here on a transport owes a call of {@link TransportReceiver.drained}, in bytes. It is about four pieces: enough to
 * keep a fast link busy while the event loop turns, little enough for a short message to be soon behind them.
 */
export const DRAIN_ABOVE_BYTES = 65_536;

/**
 * A transport can be used. Its `receiver` has to be set before this returns: `session.attach(transport)` does.
 * @param isProbe whether another one may carry the session, and goes on until this one is known to be healthy. Default false.
 */
export type TransportOpened = (transport: Transport, isProbe?: boolean) => void;

/**
 * An attempt to open a transport came to nothing.
 * @param code a session code where the server gave one (`SessionCode`), or 0.
 * @param notBeforeMs how long the server asks to stay away, as with `Retry-After`; 0 if it does not.
 */
export type DialFailed = (code: number, reason: string, notBeforeMs: number) => void;

/**
 * Opens transports of one kind, for a client. What it dials it is given when it is made: a URL, headers, a path family.
 */
export interface TransportDialer {
  /** Which way it opens. */
  readonly name: TransportName;
  /**
   * Begins to open one. Later, exactly one of `opened` and `failed` is called. That it is open proves nothing yet: the session takes
   * a transport for healthy after a round trip of data.
   * @param sessionId for which session it is, for balancers that keep a session on one node: see `sessionUrl`.
   * @returns what gives it up: nothing is called any more, and nothing stays open. Does nothing once it was opened or failed.
   */
  dial(opened: TransportOpened, failed: DialFailed, sessionId: string): () => void;
  /**
   * A transport that it opened is gone, and did not carry the session. Only what may have others wants to know: without it, this
   * attempt has failed.
   */
  lost?(transport: Transport, code: number, reason: string, notBeforeMs: number): void;
  /**
   * A transport that tells all that it is given in this turn, without a word from the other side, and then is closed: for a page that
   * is left while nothing carries its session. Only where there is a way to do so.
   */
  farewell?(sessionId: string): Transport | undefined;
  /** A transport of this name carries the session. */
  won?(name: TransportName): void;
  /** The network is another one while the session lives: what did not work before may work now. */
  networkChanged?(): void;
}
