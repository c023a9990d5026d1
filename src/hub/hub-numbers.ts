import { cannotBe } from "../core/cannot-be.js";
import { DEFAULT_SESSION_NUMBERS, type SessionNumbers } from "../session/server/session-limits.js";
import type { HubOptions } from "./hub-options.js";

/** For these, Infinity is a way to say that there is no limit. */
const MAY_BE_INFINITE: ReadonlySet<keyof SessionNumbers> = new Set([
  "maxSessions",
  "maxSessionsPerAddress",
  "maxHeldBytes",
  "maxReceivedMessagesPerSecond",
  "maxReceivedBytesPerSecond",
  "maxOpensPerSecond",
]);
/** A longer piece does not fit into a block together with what stands before it. */
const MAX_PIECE_BYTES = 32_768;

/**
 * The numbers of a hub with their defaults filled in.
 * @throws {@link UsageError} `INVALID_OPTION`.
 */
export function hubNumbers(options: HubOptions<never>): SessionNumbers {
  const numbers = { ...DEFAULT_SESSION_NUMBERS };
  for (const name of Object.keys(numbers) as (keyof SessionNumbers)[]) {
    const value: unknown = options[name] ?? numbers[name];
    const isRight =
      typeof value === "number" &&
      value > 0 &&
      (Number.isFinite(value) || (value === Infinity && MAY_BE_INFINITE.has(name)));
    if (!isRight || (name === "pieceBytes" && value > MAX_PIECE_BYTES)) {
      throw cannotBe("INVALID_OPTION", name, value);
    }
    // Of a byte there is no half where messages are cut.
    (numbers as Record<keyof SessionNumbers, number>)[name] =
      name === "pieceBytes" ? Math.ceil(value) : value;
  }
  return numbers;
}
