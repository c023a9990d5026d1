import { json } from "../codec/json.js";
import type { StandardSchema } from "../codec/standard-schema.js";
import { UsageError } from "../core/hawser-error.js";
import { isCallErrorCode } from "./call-error.js";
import type {
  CallDefinitions,
  Contract,
  ContractOptions,
  DirectedEvent,
  ErrorDefinitions,
  EventDefinitions,
  LooseDefinitions,
  NoDefinitions,
  StreamDefinitions,
} from "./definitions.js";
import { schemaOf } from "./directed-event.js";
import { requireContract } from "./require-contract.js";

/**
 * What a client and a server say to each other: one object, for both sides, from which the compiler knows the types and
 * against which values are checked when they arrive.
 * @throws UsageError `INVALID_CONTRACT` for an error with a code that Hawser has, and for what is not made by
 * `call`, `stream`, their counterparts for clients or a schema library.
 */
export function defineContract<
  const Events extends EventDefinitions = NoDefinitions,
  const Calls extends LooseDefinitions<"call"> = NoDefinitions,
  const Streams extends LooseDefinitions<"stream"> = NoDefinitions,
>(options: ContractOptions<Events, Calls, Streams>): Contract<Events, Calls, Streams> {
  const { events = {}, calls = {}, streams = {}, codec = json(), channel = "contract" } = options;
  const contract = {
    events: events as Events,
    calls: calls as Calls,
    streams: streams as Streams,
    codec,
    channel,
  };
  requireContract(contract as object as Contract);
  for (const [name, event] of Object.entries<StandardSchema | DirectedEvent>(events)) {
    requireSchema(`event ${name}`, schemaOf(event));
  }
  for (const [name, definition] of Object.entries(calls as CallDefinitions)) {
    requireKind(definition, "call", name);
    requireParts(`call ${name}`, [definition.input, definition.output], definition.errors);
  }
  for (const [name, definition] of Object.entries(streams as StreamDefinitions)) {
    requireKind(definition, "stream", name);
    const { input, down, up, output, errors } = definition;
    requireParts(`stream ${name}`, [input, down, up, output], errors);
  }
  return contract;
}

function requireKind(definition: { readonly kind?: unknown } | null, kind: string, name: string): void {
  if (definition?.kind !== kind) throw invalid(`${name} is not made by ${kind}(...)`);
}

function requireParts(
  what: string,
  schemas: readonly (StandardSchema | undefined)[],
  errors: ErrorDefinitions,
): void {
  for (const schema of schemas) {
    if (schema !== undefined) requireSchema(what, schema);
  }
  for (const [code, schema] of Object.entries(errors)) {
    if (isCallErrorCode(code)) throw invalid(`the error ${code} of ${what} has the name of one of Hawser's`);
    if (schema !== null) requireSchema(`the error ${code} of ${what}`, schema);
  }
}

/** A schema is an object, or a function as those of arktype are. */
function requireSchema(what: string, schema: StandardSchema): void {
  const isStandard = (typeof schema === "object" || typeof schema === "function") && schema !== null;
  if (!isStandard || typeof schema["~standard"]?.validate !== "function") {
    throw invalid(`${what}: not a schema of a library that follows Standard Schema`);
  }
}

function invalid(message: string): UsageError {
  return new UsageError("INVALID_CONTRACT", message);
}
