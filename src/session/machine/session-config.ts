import type { SessionHost } from "./session-host.js";

/** What a session may hold and how long it waits. All are finite by default. */
export interface SessionLimits {
  /**
   * The most that is kept of what was sent and is not confirmed, in bytes, each message counting 64 more. Default 1 MiB: some
   * seconds of a busy session, and a thousand sessions at the limit fit into a gigabyte.
   */
  readonly maxOutboxBytes: number;
  /** The most messages that are kept. Default 16,384: as many as 1 MiB holds if they are empty. */
  readonly maxOutboxMessages: number;
  /**
   * The longest message that is taken, in bytes. Default 16 MiB, as for a socket. The other side is told, and does not send
   * longer ones.
   */
  readonly maxMessageBytes: number;
  /**
   * How much the other side may send on a channel before the messages are taken, in bytes, each message counting 64 more.
   * Default 256 KiB: a second of 2 Mbit/s.
   */
  readonly windowBytes: number;
  /** How many channels the other side may have open at a time. Default 64: times the window, that is 16 MiB. */
  readonly maxChannels: number;
  /**
   * The most that is on its way at a time and not confirmed, in bytes. Default 256 KiB. More than that waits in its channel, where
   * policies apply and channels take turns.
   */
  readonly maxInFlightBytes: number;
  /**
   * A longer message is cut into pieces of so many bytes. Default 16 KiB: on a line of 10 Mbit/s a short message then waits
   * 13 ms for its turn. At most 32 KiB.
   */
  readonly pieceBytes: number;
}

/** When a session looks whether the other side is there, and how long it waits. */
export interface SessionDeadlines {
  /**
   * How long it may be quiet before a ping asks, in ms. Default 10,000: below the 15 to 60 s after which routers and proxies
   * forget a quiet connection.
   */
  readonly pingIntervalMs: number;
  /**
   * While only pings go to and fro the interval doubles up to this, in ms. Default 25,000: it saves the battery of a telephone,
   * and is still below most of those 60 s.
   */
  readonly maxPingIntervalMs: number;
  /** How long an answer may take, in ms, before the transport counts as dead. Default 5,000. */
  readonly pongTimeoutMs: number;
  /** How long the answer to `open` may take, in ms. Default 10,000. */
  readonly attachTimeoutMs: number;
  /** How long to wait for something to carry an acknowledgement, in ms. Default 25: more than most answers take. */
  readonly ackDelayMs: number;
  /** How long `close` waits until all is confirmed, in ms. Default 10,000. */
  readonly closeTimeoutMs: number;
  /** A timer that fires so much too late means that the machine slept, in ms. Default 3,000. */
  readonly sleepAfterMs: number;
}

/** A server's: how long sessions wait for their clients. */
export interface ServerDeadlines {
  /** How long a session is kept without a transport, in ms. Default 120,000: a tunnel, a lift, a change of network. */
  readonly resumeWindowMs: number;
}

/** A client's: how it comes back. */
export interface ReconnectDelays {
  /** The first delay is a random part of this, in ms; it doubles each time. Default 500. */
  readonly reconnectDelayMs: number;
  /** The delay is never a random part of more than this, in ms. Default 30,000. */
  readonly maxReconnectDelayMs: number;
}

/** What the outboxes of all sessions of a server hold together: each session adds and takes away its own part. */
export interface OutboxBudget {
  /** How much they hold, in bytes. */
  heldBytes: number;
  /** What of it waits for the receivers of sessions that have ended: it goes by itself, and no other session's end frees it. */
  leavingBytes: number;
  /** How much they may hold; beyond it, each session is at its limit. */
  readonly maxBytes: number;
}

/** What all sessions of an endpoint share; made by {@link sessionConfig}. */
export interface SessionConfig<Handler> extends SessionLimits, SessionDeadlines {
  readonly host: SessionHost;
  readonly handler: Handler;
  readonly budget: OutboxBudget;
}

/** The defaults of {@link SessionLimits}. */
export const DEFAULT_SESSION_LIMITS: Readonly<SessionLimits> = {
  maxOutboxBytes: 1_048_576,
  maxOutboxMessages: 16_384,
  maxMessageBytes: 16_777_216,
  windowBytes: 262_144,
  maxChannels: 64,
  maxInFlightBytes: 262_144,
  pieceBytes: 16_384,
};

/** The defaults of {@link SessionDeadlines}. */
export const DEFAULT_SESSION_DEADLINES: Readonly<SessionDeadlines> = {
  pingIntervalMs: 10_000,
  maxPingIntervalMs: 25_000,
  pongTimeoutMs: 5_000,
  attachTimeoutMs: 10_000,
  ackDelayMs: 25,
  closeTimeoutMs: 10_000,
  sleepAfterMs: 3_000,
};

/** The defaults of {@link ServerDeadlines}. */
export const DEFAULT_SERVER_DEADLINES: Readonly<ServerDeadlines> = { resumeWindowMs: 120_000 };

/** The defaults of {@link ReconnectDelays}. */
export const DEFAULT_RECONNECT_DELAYS: Readonly<ReconnectDelays> = {
  reconnectDelayMs: 500,
  maxReconnectDelayMs: 30_000,
};

/** What {@link sessionConfig} is given: a host, a handler, and whatever differs from the defaults. */
export type SessionConfigInput<Handler> = {
  readonly [Name in keyof (SessionLimits & SessionDeadlines)]?: number | undefined;
} & {
  readonly host: SessionHost;
  readonly handler: Handler;
  /** Default: one for this configuration alone, without a limit of its own. */
  readonly budget?: OutboxBudget | undefined;
};

/** Fills in the defaults. That the numbers are numbers, whoever takes them from an application has to see to. */
export function sessionConfig<Handler>(input: SessionConfigInput<Handler>): SessionConfig<Handler> {
  const numbers: Record<string, number> = { ...DEFAULT_SESSION_LIMITS, ...DEFAULT_SESSION_DEADLINES };
  for (const name in numbers) numbers[name] = input[name as keyof SessionLimits] ?? numbers[name]!;
  const { host, handler, budget = { heldBytes: 0, leavingBytes: 0, maxBytes: Infinity } } = input;
  return { ...(numbers as unknown as SessionLimits & SessionDeadlines), host, handler, budget };
}
