import { UsageError } from "../core/hawser-error.js";
import type { EngineHandler, FrameTrace } from "./engine-handler.js";
import type { EngineHost } from "./engine-host.js";

/** Limits on what a peer can make us hold. All are finite by default. */
export interface ReceiveLimits {
  /**
   * The most bytes a message may have, before and after inflating. Default 16 MiB: above what interactive traffic
   * sends, and small enough that a hundred peers at the limit do not exhaust a server.
   */
  maxMessageBytes: number;
  /** The most bytes one frame may have. Default: as `maxMessageBytes`, since a frame holds no more than a message. */
  maxFrameBytes: number;
  /**
   * The most overhead that the fragments of one message may cause, at {@link FRAGMENT_OVERHEAD_BYTES} each.
   * Default 4 MiB, which is 65,536 fragments: a legal 4 MiB message in 16,385 frames passes, an endless stream of
   * empty ones does not.
   */
  maxFragmentOverheadBytes: number;
}

/** What a fragment is charged against `maxFragmentOverheadBytes`, whatever its payload. */
export const FRAGMENT_OVERHEAD_BYTES = 64;

/** Deadlines of an open connection. 0 switches one off. */
export interface Deadlines {
  /** How often a ping is sent. Default 30 s: below the 60 s after which most proxies drop a quiet connection. */
  pingIntervalMs: number;
  /** How long a pong may take. Default 20 s: longer than a phone takes to change networks. */
  pongTimeoutMs: number;
  /**
   * How long a connection may be without a single byte from the peer. Default 2 min. A live peer never comes near
   * it, for it answers pings; it matters where `pingIntervalMs` is 0.
   */
  idleTimeoutMs: number;
  /** How long one message may take from its first byte to its last. Default 2 min, or none with `streaming`. */
  messageTimeoutMs: number;
  /** How long the closing handshake may take, until TCP is ended. Default 5 s: ten bytes each way are enough. */
  closeTimeoutMs: number;
  /**
   * How long a connection may live, then it is closed with 1001. Default 0, no end: a healthy connection holds
   * nothing that grows with its age. Set it where credentials expire or load is to be spread again.
   */
  maxLifetimeMs: number;
}

/** What all engines of one endpoint share. Made once by {@link engineConfig}, not once a connection. */
export interface EngineConfig<Owner> extends ReceiveLimits, Deadlines {
  /** Which side we are: it decides who masks (RFC 6455 §5.1) and who ends TCP first (§7.1.1). */
  readonly role: "client" | "server";
  readonly host: EngineHost;
  readonly handler: EngineHandler<Owner>;
  /** Hand out messages piece by piece (`messageChunk`) instead of whole (`message`). Default false. */
  readonly streaming: boolean;
  /** Messages below this many bytes are sent uncompressed. Default 1024: below, the gain rarely pays the time. */
  readonly compressFromBytes: number;
  /**
   * Whether text and close reasons are checked to be UTF-8 (RFC 6455 §8.1). Default true: the RFC demands it. Off, text
   * reaches the handler as it came, and a close reason that is not UTF-8 counts as none.
   */
  readonly checksText: boolean;
  /**
   * Whether the close frame of a failed connection says in words what the peer did. Default true: who has to find a bug
   * in the peer wants to know.
   */
  readonly explainsFailures: boolean;
  /**
   * Whether the answer to a close frame repeats its reason. Default false: RFC 6455 §5.5.1 asks for the code only.
   */
  readonly repeatsCloseReason: boolean;
  readonly trace: FrameTrace<Owner> | undefined;
}

/** The defaults of {@link ReceiveLimits}. */
export const DEFAULT_LIMITS: Readonly<ReceiveLimits> = {
  maxMessageBytes: 16 * 1024 * 1024,
  maxFrameBytes: 16 * 1024 * 1024,
  maxFragmentOverheadBytes: 4 * 1024 * 1024,
};

/** The defaults of {@link Deadlines}. */
export const DEFAULT_DEADLINES: Readonly<Deadlines> = {
  pingIntervalMs: 30_000,
  pongTimeoutMs: 20_000,
  idleTimeoutMs: 120_000,
  messageTimeoutMs: 120_000,
  closeTimeoutMs: 5_000,
  maxLifetimeMs: 0,
};

/** What {@link engineConfig} takes: the required parts, and whatever differs from the defaults. */
export type EngineConfigInput<Owner> = Pick<EngineConfig<Owner>, "role" | "host" | "handler"> & {
  readonly [Name in keyof Omit<EngineConfig<Owner>, "role" | "host" | "handler">]?:
    | EngineConfig<Owner>[Name]
    | undefined;
};

/**
 * Fills in the defaults and checks the numbers.
 * @throws {@link UsageError} `INVALID_OPTION` for a number that is not one, is negative or not whole.
 */
export function engineConfig<Owner>(input: EngineConfigInput<Owner>): EngineConfig<Owner> {
  const streaming = input.streaming ?? false;
  const maxMessageBytes = count(input, "maxMessageBytes", DEFAULT_LIMITS.maxMessageBytes);
  const maxFrameBytes = count(input, "maxFrameBytes", maxMessageBytes);
  return {
    role: input.role,
    host: input.host,
    handler: input.handler,
    streaming,
    trace: input.trace,
    checksText: input.checksText ?? true,
    explainsFailures: input.explainsFailures ?? true,
    repeatsCloseReason: input.repeatsCloseReason ?? false,
    compressFromBytes: count(input, "compressFromBytes", 1024),
    maxMessageBytes,
    maxFrameBytes,
    maxFragmentOverheadBytes: count(
      input,
      "maxFragmentOverheadBytes",
      DEFAULT_LIMITS.maxFragmentOverheadBytes,
    ),
    pingIntervalMs: count(input, "pingIntervalMs", DEFAULT_DEADLINES.pingIntervalMs),
    pongTimeoutMs: count(input, "pongTimeoutMs", DEFAULT_DEADLINES.pongTimeoutMs),
    idleTimeoutMs: count(input, "idleTimeoutMs", DEFAULT_DEADLINES.idleTimeoutMs),
    messageTimeoutMs: count(input, "messageTimeoutMs", streaming ? 0 : DEFAULT_DEADLINES.messageTimeoutMs),
    closeTimeoutMs: count(input, "closeTimeoutMs", DEFAULT_DEADLINES.closeTimeoutMs),
    maxLifetimeMs: count(input, "maxLifetimeMs", DEFAULT_DEADLINES.maxLifetimeMs),
  };
}

function count<Name extends string>(
  input: { readonly [N in Name]?: number | undefined },
  name: Name,
  standard: number,
): number {
  const value: unknown = input[name] ?? standard;
  if (typeof value === "number" && value >= 0 && (Number.isSafeInteger(value) || value === Infinity)) {
    return value;
  }
  throw new UsageError(
    "INVALID_OPTION",
    `${name} must be a whole number that is not negative, not ${String(value)}`,
  );
}
