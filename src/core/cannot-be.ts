import type { UsageErrorCode } from "./error-codes.js";
import { UsageError } from "./hawser-error.js";

/** What to throw where something cannot be what it is: `name cannot be value`. */
export function cannotBe(code: UsageErrorCode, name: string, value: unknown): UsageError {
  return new UsageError(code, `${name} cannot be ${String(value)}`);
}
