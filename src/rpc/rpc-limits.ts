import { countOption } from "../core/count-option.js";
import type { OptionalOf } from "../core/optional-of.js";

/** What a side of a contract lets the other make it hold, and how long it waits. All are finite by default. */
export interface RpcLimits {
  /**
   * How long a call waits for its answer, in ms. Default 30,000: long enough to change networks and resume, and a caller
   * that waits longer has something to say about it.
   */
  readonly deadlineMs: number;
  /**
   * The longest that a handler's `signal` waits for a caller of the other side, in ms, whatever that asked for. Default
   * 300,000: five minutes.
   */
  readonly maxDeadlineMs: number;
  /**
   * How many calls of the other side are handled at a time. Default 1,024: as many as the other side lets wait, so that a
   * burst of an honest client is not refused.
   */
  readonly maxConcurrentCalls: number;
  /** How many calls of this side may wait for an answer. Default 1,024. */
  readonly maxPendingCalls: number;
  /**
   * How many streams may be open, counted for each side that opened them; one that was left counts until its handler has come to its
   * end. Default 64.
   */
  readonly maxStreams: number;
  /**
   * How many values of a stream may wait to be read; then the other side waits. Default 32: at 1 kB each, a round trip of
   * 50 ms lets 600 kB/s pass.
   */
  readonly streamWindow: number;
}

/** The defaults of {@link RpcLimits}. */
export const DEFAULT_RPC_LIMITS: Readonly<RpcLimits> = {
  deadlineMs: 30_000,
  maxDeadlineMs: 300_000,
  maxConcurrentCalls: 1024,
  maxPendingCalls: 1024,
  maxStreams: 64,
  streamWindow: 32,
};

/** The widest window that is taken from the other side, or given to it. */
export const MAX_STREAM_WINDOW = 65_536;

/**
 * Fills in the defaults.
 * @throws UsageError `INVALID_OPTION`.
 */
export function rpcLimits(options: OptionalOf<RpcLimits>): RpcLimits {
  const of = (name: keyof RpcLimits, atLeast: number): number =>
    countOption(options, name, DEFAULT_RPC_LIMITS[name], atLeast);
  return {
    deadlineMs: of("deadlineMs", 1),
    maxDeadlineMs: of("maxDeadlineMs", 1),
    maxConcurrentCalls: of("maxConcurrentCalls", 0),
    maxPendingCalls: of("maxPendingCalls", 0),
    maxStreams: of("maxStreams", 0),
    streamWindow: Math.min(of("streamWindow", 1), MAX_STREAM_WINDOW),
  };
}
