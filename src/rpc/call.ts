import type { StandardSchema } from "../codec/standard-schema.js";
import type {
  CallDefinition,
  CallOptions,
  ErrorDefinitions,
  NoDefinitions,
  NoReservedCodes,
  NoSchema,
  Role,
} from "./definitions.js";
import { IncomingCalls } from "./incoming-calls.js";
import type { Parts } from "./parts.js";

/** A question of the client, to which the server gives one answer or an error. */
export function call<
  Input extends StandardSchema = NoSchema,
  Output extends StandardSchema = NoSchema,
  const Errors extends ErrorDefinitions & NoReservedCodes = NoDefinitions,
>(options: CallOptions<Input, Output, Errors> = {}): CallDefinition<Input, Output, Errors, "server"> {
  return define(options, "server", {});
}

/** A question of the server, to which the client gives one answer or an error. */
export function clientCall<
  Input extends StandardSchema = NoSchema,
  Output extends StandardSchema = NoSchema,
  const Errors extends ErrorDefinitions & NoReservedCodes = NoDefinitions,
>(options: CallOptions<Input, Output, Errors> = {}): CallDefinition<Input, Output, Errors, "client"> {
  // A client whose contract has none of these does without the code.
  return define(options, "client", { incoming: IncomingCalls });
}

function define<
  Input extends StandardSchema,
  Output extends StandardSchema,
  Errors extends ErrorDefinitions,
  By extends Role,
>(
  { input, output, errors, idempotent = false }: CallOptions<Input, Output, Errors>,
  by: By,
  parts: Parts,
): CallDefinition<Input, Output, Errors, By> {
  return { kind: "call", input, output, errors: errors ?? ({} as Errors), by, idempotent, "~parts": parts };
}
