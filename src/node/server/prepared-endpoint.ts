import { assertDeflateOptions } from "../../protocol/extensions/deflate-negotiation.js";
import { assertOriginPolicy } from "../../protocol/handshake/origin-policy.js";
import type { ConnectionContext } from "../connection/connection.js";
import { connectionContext } from "../connection/connection-context.js";
import type { MemoryBudget } from "../connection/memory-budget.js";
import type { Endpoint, HasEndpoint } from "./endpoint.js";

/** An endpoint with what its connections share. */
export interface PreparedEndpoint {
  /** Where the hook and the handlers are, as the caller made it: they may be methods of a class. */
  readonly endpoint: Endpoint<unknown>;
  /** Its options, with those that stand beside the routes. */
  readonly options: Endpoint<unknown>;
  readonly context: ConnectionContext;
}

/** The endpoint that a route was given, itself or in something that has one. */
export function endpointOf(given: Endpoint<unknown> | HasEndpoint): Endpoint<unknown> {
  return "endpoint" in given ? given.endpoint : given;
}

/**
 * Checks the options of an endpoint, and makes what its connections share.
 * @throws `UsageError` `INVALID_OPTION`.
 */
export function prepareEndpoint(
  memory: MemoryBudget,
  endpoint: Endpoint<unknown>,
  options: Endpoint<unknown> = endpoint,
): PreparedEndpoint {
  if (options.origins !== undefined) assertOriginPolicy(options.origins);
  if (typeof options.compression === "object") assertDeflateOptions(options.compression);
  return { endpoint, options, context: connectionContext("server", options, endpoint, memory) };
}

/** What endpoints start from: options, but nobody else's handlers. */
export function withoutHandlers(options: Endpoint<unknown>): Endpoint<unknown> {
  const { upgrade, http, shutdown, open, message, messageChunk, ...others } = options;
  const { ping, pong, drain, close, error, ...rest } = others;
  return rest;
}
