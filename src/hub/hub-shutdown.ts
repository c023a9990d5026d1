import { assertObject } from "../core/assert-object.js";
import { cannotBe } from "../core/cannot-be.js";
import { checkSendAway } from "../session/server/check-send-away.js";
import type { SendAwayOptions } from "../session/server/send-away-options.js";
import type { HubShutdownOptions } from "./hub-options.js";

/**
 * Fills in the defaults and checks the options, before anything is ended.
 * @throws {@link UsageError} `INVALID_OPTION`.
 */
export function hubShutdown(options: HubShutdownOptions): SendAwayOptions {
  assertObject(options, "options");
  const { notBeforeMs = 1_000, spreadMs = 5_000, reason = "", drainTimeoutMs = 5_000 } = options;
  checkSendAway(notBeforeMs, spreadMs, reason);
  if (!(typeof drainTimeoutMs === "number" && drainTimeoutMs >= 0))
    throw cannotBe("INVALID_OPTION", "drainTimeoutMs", drainTimeoutMs);
  return { notBeforeMs, spreadMs, reason, drainTimeoutMs };
}
