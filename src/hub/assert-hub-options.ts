import { assertBooleans } from "../core/assert-booleans.js";
import { assertFunctions } from "../core/assert-functions.js";
import { assertObject } from "../core/assert-object.js";
import { UsageError } from "../core/hawser-error.js";
import { assertCompression } from "../node/server/assert-compression.js";
import { assertOriginPolicy } from "../protocol/handshake/origin-policy.js";
import type { SessionHandlers } from "../session/server/session-handlers.js";
import type { TransportName } from "../session/transport-port.js";
import type { HubOptions } from "./hub-options.js";

type FunctionName = keyof SessionHandlers<never, never> | "authenticate" | "clientAddress";

/** What is called at a hub; of a record, so that none can be forgotten. */
const FUNCTION_NAMES = Object.keys({
  authenticate: true,
  clientAddress: true,
  open: true,
  message: true,
  channel: true,
  suspended: true,
  resumed: true,
  reset: true,
  closed: true,
  dropped: true,
  error: true,
} satisfies Record<FunctionName, true>) as FunctionName[];

/** Every way that a client may take. */
export const ALL_TRANSPORTS: readonly TransportName[] = [
  "websocket",
  "stream",
  "sse",
  "long-polling",
  "polling",
];

/**
 * Checks what a hub is told, but for the numbers (`hubNumbers`) and the broker (`HubRelay`).
 * @throws {@link UsageError} `INVALID_OPTION`.
 */
export function assertHubOptions(options: HubOptions<never>): void {
  assertObject(options, "options");
  const { origins, transports, compression } = options;
  assertFunctions(options, FUNCTION_NAMES);
  assertBooleans(options, ["allowCookies"]);
  if (origins !== undefined) assertOriginPolicy(origins);
  if (transports !== undefined) assertTransports(transports);
  assertCompression(compression);
}

function assertTransports(transports: unknown): void {
  if (!Array.isArray(transports))
    throw new UsageError("INVALID_OPTION", "transports must be a list of names");
  for (const name of transports as unknown[]) {
    if (!ALL_TRANSPORTS.includes(name as TransportName))
      throw new UsageError("INVALID_OPTION", `no such transport: ${String(name)}`);
  }
}
