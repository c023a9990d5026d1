import { assertFunctions } from "../../core/assert-functions.js";
import { assertObject } from "../../core/assert-object.js";
import { UsageError } from "../../core/hawser-error.js";
import { assertProtocols } from "../../protocol/handshake/client-handshake.js";
import { assertOriginPolicy } from "../../protocol/handshake/origin-policy.js";
import type { ConnectionContext } from "../connection/connection.js";
import { connectionContext } from "../connection/connection-context.js";
import { HANDLER_NAMES } from "../connection/handler-names.js";
import type { MemoryBudget } from "../connection/memory-budget.js";
import { assertCompression } from "./assert-compression.js";
import type { Endpoint, HasEndpoint } from "./endpoint.js";

/** An endpoint with what its connections share. */
export interface PreparedEndpoint {
  /** Where the hook and the handlers are, as the caller made it: they may be methods of a class. */
  readonly endpoint: Endpoint<unknown>;
  /** Its options, with those that stand beside the routes. */
  readonly options: Endpoint<unknown>;
  readonly context: ConnectionContext;
}

/** What is called at an endpoint. */
const FUNCTION_NAMES = [...HANDLER_NAMES, "upgrade", "http", "shutdown"] as const;

/**
 * The endpoint that a route was given, itself or in something that has one.
 * @throws `UsageError` `INVALID_OPTION`.
 */
export function endpointOf(path: string, given: Endpoint<unknown> | HasEndpoint): Endpoint<unknown> {
  assertObject(given, `the route ${path}`);
  if (!("endpoint" in given)) return given;
  assertObject(given.endpoint, `the route ${path}`);
  return given.endpoint;
}

/**
 * Checks the options of an endpoint, and makes what its connections share.
 * @throws `UsageError` `INVALID_OPTION`, `INVALID_PROTOCOL_NAME`.
 */
export function prepareEndpoint(
  memory: MemoryBudget,
  endpoint: Endpoint<unknown>,
  options: Endpoint<unknown> = endpoint,
): PreparedEndpoint {
  const { origins, protocols, compression } = options;
  assertFunctions(endpoint, FUNCTION_NAMES);
  if (origins !== undefined) assertOriginPolicy(origins);
  if (protocols !== undefined) assertProtocolList(protocols);
  assertCompression(compression);
  return { endpoint, options, context: connectionContext("server", options, endpoint, memory) };
}

function assertProtocolList(protocols: unknown): void {
  if (!Array.isArray(protocols)) throw new UsageError("INVALID_OPTION", "protocols must be a list of names");
  assertProtocols(protocols);
}

/** What endpoints start from: options, but nobody else's handlers. */
export function withoutHandlers(options: Endpoint<unknown>): Endpoint<unknown> {
  const { upgrade, http, shutdown, open, message, messageChunk, ...others } = options;
  const { ping, pong, drain, close, error, ...rest } = others;
  return rest;
}
