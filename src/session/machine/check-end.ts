import { cannotBe } from "../../core/cannot-be.js";
import { actionOf } from "../wire/session-code.js";

/**
 * Throws a `UsageError` for what a session cannot be ended with: `CLOSE_CODE_NOT_ALLOWED` for a code that is none from `lowest` to 4599,
 * `INVALID_OPTION` for a reason that is no text.
 */
export function checkEnd(code: number, reason: string, lowest: number): void {
  if (!Number.isInteger(code) || code < lowest || actionOf(code) === "retry")
    throw cannotBe("CLOSE_CODE_NOT_ALLOWED", "code", code);
  if (typeof reason !== "string") throw cannotBe("INVALID_OPTION", "reason", typeof reason);
}
