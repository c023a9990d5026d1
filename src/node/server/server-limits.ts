import { assertObject } from "../../core/assert-object.js";
import { UsageError } from "../../core/hawser-error.js";
import { DEFAULT_SERVER_LIMITS, type ServerLimits, type ServerOptions } from "./server-options.js";

/** What Node itself counts with, and takes no Infinity for. */
const FINITE: ReadonlySet<keyof ServerLimits> = new Set([
  "handshakeTimeoutMs",
  "maxHeaderBytes",
  "maxHeaders",
]);

/**
 * The limits with their defaults filled in. The first to look at the options, whatever kind of server they are for.
 * @throws {@link UsageError} `INVALID_OPTION`, also for options that are no object.
 */
export function serverLimits(options: ServerOptions<unknown>): ServerLimits {
  assertObject(options, "options");
  const limits = { ...DEFAULT_SERVER_LIMITS };
  for (const name of Object.keys(limits) as (keyof ServerLimits)[]) {
    const value: unknown = options[name] ?? limits[name];
    const isWhole = Number.isSafeInteger(value) && Number(value) >= 0;
    if (!isWhole && (value !== Infinity || FINITE.has(name))) {
      throw new UsageError(
        "INVALID_OPTION",
        `${name} must be a number that is not negative, not ${String(value)}`,
      );
    }
    limits[name] = value as number;
  }
  return limits;
}
