import { cannotBe } from "../../core/cannot-be.js";
import { CloseCode } from "../../protocol/close-code.js";
import { checkClose } from "../../protocol/close-payload.js";
import { nodeHost } from "../node-host.js";

/** How a server ends. */
export interface ShutdownOptions {
  /** The close code for the clients. Default 1001, going away: well-behaved ones come back elsewhere. */
  readonly code?: number | undefined;
  /** The close reason, 123 bytes in UTF-8 at most. Default none: the code says it. */
  readonly reason?: string | undefined;
  /**
   * How long clients may take to close; then they are dropped. Default 5 s: ten bytes each way are enough. Infinity for
   * as long as they like.
   */
  readonly drainTimeoutMs?: number | undefined;
}

/** What a timer of Node can be set to; above it, it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Fills in the defaults and checks the options, before anything is ended.
 * @throws {@link UsageError} `CLOSE_CODE_NOT_ALLOWED`, `CLOSE_REASON_TOO_LONG`, `INVALID_OPTION`.
 */
export function shutdownOptions(options: ShutdownOptions): {
  readonly code: number;
  readonly reason: string;
  readonly drainTimeoutMs: number;
} {
  const { code = CloseCode.goingAway, reason = "", drainTimeoutMs = 5_000 } = options;
  checkClose(code, reason, "server", nodeHost);
  if (drainTimeoutMs !== Infinity && !(drainTimeoutMs >= 0 && drainTimeoutMs <= MAX_TIMER_MS)) {
    throw cannotBe("INVALID_OPTION", "drainTimeoutMs", drainTimeoutMs);
  }
  return { code, reason, drainTimeoutMs };
}
