import { cannotBe } from "../../core/cannot-be.js";
import { UsageError } from "../../core/hawser-error.js";

/** Throws a `UsageError` `INVALID_OPTION` for what no client can be told with whom it is sent away. */
export function checkSendAway(notBeforeMs: number, spreadMs: number, reason: string): void {
  for (const [name, value] of Object.entries({ notBeforeMs, spreadMs })) {
    if (!(typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER))
      throw cannotBe("INVALID_OPTION", name, value);
  }
  if (typeof reason !== "string") throw new UsageError("INVALID_OPTION", "reason must be a string");
}
