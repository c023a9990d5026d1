import type { StandardSchema } from "../codec/standard-schema.js";
import type {
  ErrorDefinitions,
  NoDefinitions,
  NoReservedCodes,
  NoSchema,
  Role,
  StreamDefinition,
  StreamOptions,
} from "./definitions.js";
import { HandledStreams } from "./handled-streams.js";
import { OpenedStreams } from "./opened-streams.js";
import type { Parts } from "./parts.js";

/** Values one after the other, opened by the client: down from the server, up to it, or both. */
export function stream<
  Input extends StandardSchema = NoSchema,
  Down extends StandardSchema = NoSchema,
  Up extends StandardSchema = NoSchema,
  Output extends StandardSchema = NoSchema,
  const Errors extends ErrorDefinitions & NoReservedCodes = NoDefinitions,
>(
  options: StreamOptions<Input, Down, Up, Output, Errors> = {},
): StreamDefinition<Input, Down, Up, Output, Errors, "server"> {
  // A client whose contract has no streams does without the code.
  return define(options, "server", { opened: OpenedStreams });
}

/** Values one after the other, opened by the server: down from the client, up to it, or both. */
export function clientStream<
  Input extends StandardSchema = NoSchema,
  Down extends StandardSchema = NoSchema,
  Up extends StandardSchema = NoSchema,
  Output extends StandardSchema = NoSchema,
  const Errors extends ErrorDefinitions & NoReservedCodes = NoDefinitions,
>(
  options: StreamOptions<Input, Down, Up, Output, Errors> = {},
): StreamDefinition<Input, Down, Up, Output, Errors, "client"> {
  return define(options, "client", { handled: HandledStreams });
}

function define<
  Input extends StandardSchema,
  Down extends StandardSchema,
  Up extends StandardSchema,
  Output extends StandardSchema,
  Errors extends ErrorDefinitions,
  By extends Role,
>(
  { input, down, up, output, errors }: StreamOptions<Input, Down, Up, Output, Errors>,
  by: By,
  parts: Parts,
): StreamDefinition<Input, Down, Up, Output, Errors, By> {
  return { kind: "stream", input, down, up, output, errors: errors ?? ({} as Errors), by, "~parts": parts };
}
