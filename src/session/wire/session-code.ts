// Numbers that stand alone, so that a bundler puts them where they are used and drops the others.

// --- retry: the transport ended, the session did not ---

/** The transport was replaced by a newer one of the same session. */
export const FENCED_CODE = 4000;
/** The transport broke a rule of the wire format: a packet that cannot be read, numbers with a gap. */
export const BAD_PACKET_CODE = 4001;
/** Nothing was heard in time. */
export const TIMEOUT_CODE = 4002;
/** The transport is not needed: another one won, or this one never proved itself. */
export const NOT_NEEDED_CODE = 4003;
/** The server goes away, or wants this client elsewhere: come back within the window that was given. */
export const GOING_AWAY_CODE = 4004;
/** The server is overloaded: come back later. */
export const TRY_AGAIN_LATER_CODE = 4005;
/** A channel with the policy `disconnect` was full: the peer reads too slowly. */
export const TOO_SLOW_CODE = 4006;
/** The transport could not be opened, or broke: said on this side only. */
export const LOST_CODE = 4007;

// --- reset: the session is gone, a new one may begin ---

/** It was suspended for longer than the resume window. */
export const EXPIRED_CODE = 4200;
/** The server needed its memory. */
export const EVICTED_CODE = 4201;
/** The process that owned it is gone. */
export const OWNER_LOST_CODE = 4202;
/** More was to be kept than the limits allow. */
export const OVERFLOW_CODE = 4203;
/** It is not taken up: a wrong token, another user, a limit on sessions. */
export const REFUSED_CODE = 4204;
/** A message broke a rule or a limit; it would again if it were sent again. */
export const BAD_MESSAGE_CODE = 4205;

// --- stop: do not come back by yourself ---

/** Closed by the application, as planned. */
export const CLOSED_CODE = 4400;
/** The credentials were not accepted. */
export const UNAUTHORIZED_CODE = 4401;
/** The two sides have no version of the wire format in common. */
export const UNSUPPORTED_VERSION_CODE = 4402;
/** The application does not want this client. */
export const FORBIDDEN_CODE = 4403;

/**
 * The codes with which transports and sessions end. They are WebSocket close codes for private use (RFC 6455 §7.4.2); the
 * hundreds say what a client does next, whether it knows the code or not: see {@link actionOf}.
 */
export const SessionCode = {
  fenced: 4000,
  badPacket: 4001,
  timeout: 4002,
  notNeeded: 4003,
  goingAway: 4004,
  tryAgainLater: 4005,
  tooSlow: 4006,
  lost: 4007,
  expired: 4200,
  evicted: 4201,
  ownerLost: 4202,
  overflow: 4203,
  refused: 4204,
  badMessage: 4205,
  closed: 4400,
  unauthorized: 4401,
  unsupportedVersion: 4402,
  forbidden: 4403,
} as const;

/** What a client does after a code. */
export type SessionAction = "retry" | "reset" | "stop";

/**
 * What the range of a code says: 4000-4199 `retry`, resume over another transport; 4200-4399 `reset`, begin a new session;
 * 4400-4599 `stop`. In each range the second hundred is free for applications. Any other code, also a close code of
 * RFC 6455 and 0, tells of the transport alone: `retry`.
 */
export function actionOf(code: number): SessionAction {
  return code >= 4200 && code < 4600 ? (code < 4400 ? "reset" : "stop") : "retry";
}
