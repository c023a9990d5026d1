import { assertBooleans } from "../../core/assert-booleans.js";
import { UsageError } from "../../core/hawser-error.js";
import { DEFAULT_LIMITS } from "../../protocol/engine-config.js";
import type {
  ConnectionOptions,
  MemoryLimits,
  MessageOptions,
  RateLimits,
  SendLimits,
} from "./connection-options.js";
import { CONNECTION_BASE_BYTES } from "./memory-budget.js";
import { isRateLimited } from "./receive-rate.js";

/** The defaults of {@link SendLimits}. */
export const DEFAULT_SEND_LIMITS: Readonly<SendLimits> = {
  highWaterMarkBytes: 65_536,
  maxBufferedBytes: 16 * 1024 * 1024,
  maxPendingPongs: 64,
  receiveHighWaterMarkBytes: 65_536,
};

/** The defaults of {@link RateLimits}. */
export const DEFAULT_RATE_LIMITS: Readonly<RateLimits> = {
  maxReceivedFramesPerSecond: Infinity,
  maxReceivedBytesPerSecond: Infinity,
  rateBurstMs: 1_000,
};

/** The defaults of {@link MemoryLimits}. */
export const DEFAULT_MEMORY_LIMITS: Readonly<MemoryLimits> = {
  maxConnectionMemoryBytes: 64 * 1024 * 1024,
};

/** The part of {@link ConnectionOptions} that the engine does not know, complete and checked. */
export interface ConnectionSettings
  extends Readonly<SendLimits & RateLimits & MemoryLimits & Omit<MessageOptions, "compressFromBytes">> {
  /** Whether any rate is limited: asked for each chunk. */
  readonly isRateLimited: boolean;
}

/**
 * Fills in the defaults.
 * @throws {@link UsageError} `INVALID_OPTION` for a value that an option cannot have.
 */
export function connectionSettings(options: ConnectionOptions): ConnectionSettings {
  assertBooleans(options, ["autoPong"]);
  assertMark(options);
  const rates: RateLimits = {
    maxReceivedFramesPerSecond: rate(options, "maxReceivedFramesPerSecond"),
    maxReceivedBytesPerSecond: rate(options, "maxReceivedBytesPerSecond"),
    rateBurstMs: rate(options, "rateBurstMs"),
  };
  return {
    ...rates,
    isRateLimited: isRateLimited(rates),
    maxConnectionMemoryBytes: maxMemory(options),
    highWaterMarkBytes: bytes(options, "highWaterMarkBytes"),
    maxBufferedBytes: bytes(options, "maxBufferedBytes"),
    maxPendingPongs: bytes(options, "maxPendingPongs"),
    receiveHighWaterMarkBytes: bytes(options, "receiveHighWaterMarkBytes"),
    overflow: oneOf("overflow", options.overflow ?? "disconnect", ["disconnect", "drop"]),
    overRate: oneOf("overRate", options.overRate ?? "delay", ["delay", "disconnect"]),
    textAs: oneOf("textAs", options.textAs ?? "string", ["string", "buffer"]),
    autoPong: options.autoPong ?? true,
  };
}

/** Only where both are given: what is above the mark would never be `queued`. */
function assertMark({ highWaterMarkBytes = 0, maxBufferedBytes = Infinity }: ConnectionOptions): void {
  if (highWaterMarkBytes <= maxBufferedBytes) return;
  throw new UsageError("INVALID_OPTION", "highWaterMarkBytes must not be above maxBufferedBytes");
}

function bytes(options: ConnectionOptions, name: keyof SendLimits): number {
  const value: unknown = options[name] ?? DEFAULT_SEND_LIMITS[name];
  if (typeof value === "number" && value >= 0) return value;
  throw new UsageError(
    "INVALID_OPTION",
    `${name} must be a number that is not negative, not ${String(value)}`,
  );
}

function maxMemory(options: ConnectionOptions): number {
  const value: unknown = options.maxConnectionMemoryBytes;
  if (value === undefined) {
    const { maxMessageBytes = DEFAULT_LIMITS.maxMessageBytes } = options;
    const limits = maxMessageBytes + bytes(options, "maxBufferedBytes");
    return Math.max(DEFAULT_MEMORY_LIMITS.maxConnectionMemoryBytes, 2 * limits);
  }
  if (typeof value === "number" && value > CONNECTION_BASE_BYTES) return value;
  throw new UsageError(
    "INVALID_OPTION",
    `maxConnectionMemoryBytes must be above ${CONNECTION_BASE_BYTES}, not ${String(value)}`,
  );
}

function rate(options: ConnectionOptions, name: keyof RateLimits): number {
  const value: unknown = options[name] ?? DEFAULT_RATE_LIMITS[name];
  if (typeof value === "number" && value > 0) return value;
  throw new UsageError("INVALID_OPTION", `${name} must be a number above zero, not ${String(value)}`);
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new UsageError(
    "INVALID_OPTION",
    `${name} must be one of ${allowed.join(", ")}, not ${String(value)}`,
  );
}
