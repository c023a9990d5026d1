import {
  DEFAULT_SERVER_DEADLINES,
  DEFAULT_SESSION_DEADLINES,
  DEFAULT_SESSION_LIMITS,
  type ServerDeadlines,
  type SessionDeadlines,
  type SessionLimits,
} from "../machine/session-config.js";

/** Limits on all sessions of a server together, and on how fast their clients send. */
export interface SessionServerLimits {
  /**
   * The most sessions at a time, waiting ones included; more are refused with 4005. Default 65,536, as for connections.
   */
  readonly maxSessions: number;
  /**
   * The most sessions from one address, IPv6 addresses by their /64; more are refused with 4005. Default 1,024, as for
   * connections. Behind a proxy see `clientAddress`.
   */
  readonly maxSessionsPerAddress: number;
  /**
   * What all sessions together may hold for their clients, in bytes: what was sent and is not confirmed, and what came and
   * waits for its receiver. Above it sessions are evicted with 4201 until it is less: first those that wait for their
   * client, then the others, and of each the one that holds the most first. Default 256 MiB, a quarter of what connections may hold.
   */
  readonly maxHeldBytes: number;
  /**
   * How many messages a second each client may send, above zero. What is above that waits, in the end at the client, and
   * nothing is lost. Default Infinity: how much a client has to say is known to the application only.
   */
  readonly maxReceivedMessagesPerSecond: number;
  /** How many bytes of messages a second, in the same way. Default Infinity. */
  readonly maxReceivedBytesPerSecond: number;
  /** How much may come at once: what both rates allow in so many ms. Default 1,000, as for connections. */
  readonly rateBurstMs: number;
  /**
   * How many sessions an address may begin a second; more are refused with 4005, until it is within the rate again. Default
   * 50, and twice as many at once: a page that reloads begins one, an office after a restart some hundred. Each is a
   * question to `authenticate`. As often an address may have other nodes asked, where there is a broker.
   */
  readonly maxOpensPerSecond: number;
}

/** The defaults of {@link SessionServerLimits}. */
export const DEFAULT_SESSION_SERVER_LIMITS: Readonly<SessionServerLimits> = {
  maxSessions: 65_536,
  maxSessionsPerAddress: 1_024,
  maxHeldBytes: 256 * 1024 * 1024,
  maxReceivedMessagesPerSecond: Infinity,
  maxReceivedBytesPerSecond: Infinity,
  rateBurstMs: 1_000,
  maxOpensPerSecond: 50,
};

/** Every number that can be set for the sessions of a server. */
export interface SessionNumbers
  extends SessionServerLimits,
    SessionLimits,
    SessionDeadlines,
    ServerDeadlines {}

/** All of them, as they are by default. */
export const DEFAULT_SESSION_NUMBERS: Readonly<SessionNumbers> = {
  ...DEFAULT_SESSION_SERVER_LIMITS,
  ...DEFAULT_SESSION_LIMITS,
  ...DEFAULT_SESSION_DEADLINES,
  ...DEFAULT_SERVER_DEADLINES,
};
