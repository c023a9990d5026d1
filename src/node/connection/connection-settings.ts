import { UsageError } from "../../core/hawser-error.js";
import type { ConnectionOptions, MessageOptions, SendLimits } from "./connection-options.js";

/** The defaults of {@link SendLimits}. */
export const DEFAULT_SEND_LIMITS: Readonly<SendLimits> = {
  highWaterMarkBytes: 65_536,
  maxBufferedBytes: 16 * 1024 * 1024,
  maxPendingPongs: 64,
  receiveHighWaterMarkBytes: 65_536,
};

/** The part of {@link ConnectionOptions} that the engine does not know, complete and checked. */
export interface ConnectionSettings
  extends Readonly<SendLimits & Omit<MessageOptions, "compressFromBytes">> {}

/**
 * Fills in the defaults.
 * @throws {@link UsageError} `INVALID_OPTION` for a value that an option cannot have.
 */
export function connectionSettings(options: ConnectionOptions): ConnectionSettings {
  return {
    highWaterMarkBytes: bytes(options, "highWaterMarkBytes"),
    maxBufferedBytes: bytes(options, "maxBufferedBytes"),
    maxPendingPongs: bytes(options, "maxPendingPongs"),
    receiveHighWaterMarkBytes: bytes(options, "receiveHighWaterMarkBytes"),
    overflow: oneOf("overflow", options.overflow ?? "disconnect", ["disconnect", "drop"]),
    textAs: oneOf("textAs", options.textAs ?? "string", ["string", "buffer"]),
    autoPong: options.autoPong ?? true,
  };
}

function bytes(options: ConnectionOptions, name: keyof SendLimits): number {
  const value: unknown = options[name] ?? DEFAULT_SEND_LIMITS[name];
  if (typeof value === "number" && value >= 0) return value;
  throw new UsageError(
    "INVALID_OPTION",
    `${name} must be a number that is not negative, not ${String(value)}`,
  );
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new UsageError(
    "INVALID_OPTION",
    `${name} must be one of ${allowed.join(", ")}, not ${String(value)}`,
  );
}
