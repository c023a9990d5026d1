import type { Codec } from "../codec/codec.js";
import type { StandardSchema } from "../codec/standard-schema.js";
import type { CallErrorCode } from "../core/error-codes.js";

/** A side of a session. */
export type Role = "client" | "server";

/** The type of the schema of what a definition leaves out: there is no value. There is no such schema at run time. */
export interface NoSchema extends StandardSchema<undefined, undefined> {
  /** Tells it from a schema for undefined. */
  readonly "~none": true;
}

/** An event that goes one way. */
export interface DirectedEvent<Schema extends StandardSchema = StandardSchema, To extends Role = Role> {
  readonly kind: "event";
  /** Who receives it. */
  readonly to: To;
  readonly schema: Schema;
}

/** The events of a contract: a schema goes both ways, `toServer(schema)` and `toClient(schema)` one way. */
export type EventDefinitions = Readonly<Record<string, StandardSchema | DirectedEvent>>;

/** The errors that a call or stream may end with, by their codes: the schema of the data, or null for none. */
export type ErrorDefinitions = Readonly<Record<string, StandardSchema | null>>;

/** What calls and streams have in common: an input, and one output or an error. */
interface AnsweredDefinition<
  Input extends StandardSchema,
  Output extends StandardSchema,
  Errors extends ErrorDefinitions,
  By extends Role,
> {
  readonly input: Input | undefined;
  readonly output: Output | undefined;
  readonly errors: Errors;
  /** Who answers. */
  readonly by: By;
  /** The code that it needs at run time, which comes with whoever made it. */
  readonly "~parts": object;
}

/** What `call` and `clientCall` are given. */
export interface CallOptions<
  Input extends StandardSchema = StandardSchema,
  Output extends StandardSchema = StandardSchema,
  Errors extends ErrorDefinitions = ErrorDefinitions,
> {
  /** What the caller passes. Default: nothing, and then the caller passes nothing else than undefined. */
  readonly input?: Input | undefined;
  /** What the handler returns. Default: nothing. */
  readonly output?: Output | undefined;
  /** The errors that are part of the contract. Default: none, so that whatever the handler throws is `HANDLER_FAILED`. */
  readonly errors?: Errors | undefined;
  /**
   * Whether it does no harm if it runs twice. Then it is run again where a server cannot know whether it ran, instead of
   * ending with `OUTCOME_UNKNOWN`. Default: false, for that is never wrong.
   */
  readonly idempotent?: boolean | undefined;
}

/** A call of a contract. */
export interface CallDefinition<
  Input extends StandardSchema = StandardSchema,
  Output extends StandardSchema = StandardSchema,
  Errors extends ErrorDefinitions = ErrorDefinitions,
  By extends Role = Role,
> extends AnsweredDefinition<Input, Output, Errors, By> {
  readonly kind: "call";
  readonly idempotent: boolean;
}

/** What `stream` and `clientStream` are given. */
export interface StreamOptions<
  Input extends StandardSchema = StandardSchema,
  Down extends StandardSchema = StandardSchema,
  Up extends StandardSchema = StandardSchema,
  Output extends StandardSchema = StandardSchema,
  Errors extends ErrorDefinitions = ErrorDefinitions,
> {
  /** What it is opened with. Default: nothing, and then it is opened with nothing else than undefined. */
  readonly input?: Input | undefined;
  /** The values from whoever answers to whoever opened it. Default: none. */
  readonly down?: Down | undefined;
  /** The values from whoever opened it to whoever answers. Default: none. */
  readonly up?: Up | undefined;
  /** What comes at the end, behind all values: what the handler returns. Default: nothing. */
  readonly output?: Output | undefined;
  /** The errors that are part of the contract. Default: none, so that whatever the handler throws is `HANDLER_FAILED`. */
  readonly errors?: Errors | undefined;
}

/** A stream of a contract. */
export interface StreamDefinition<
  Input extends StandardSchema = StandardSchema,
  Down extends StandardSchema = StandardSchema,
  Up extends StandardSchema = StandardSchema,
  Output extends StandardSchema = StandardSchema,
  Errors extends ErrorDefinitions = ErrorDefinitions,
  By extends Role = Role,
> extends AnsweredDefinition<Input, Output, Errors, By> {
  readonly kind: "stream";
  readonly down: Down | undefined;
  readonly up: Up | undefined;
}

/** The calls of a contract. */
export type CallDefinitions = Readonly<Record<string, CallDefinition>>;
/** The streams of a contract. */
export type StreamDefinitions = Readonly<Record<string, StreamDefinition>>;

/**
 * What the tables of a contract have to hold, said so loosely that nothing of it flows back into the types of the calls and
 * streams in them: what those leave out has to be its default.
 */
export type LooseDefinitions<Kind extends string> = Readonly<Record<string, { readonly kind: Kind }>>;

/** Nothing of a kind. */
export type NoDefinitions = Readonly<Record<never, never>>;

/** What `defineContract` is given. */
export interface ContractOptions<
  Events extends EventDefinitions = EventDefinitions,
  Calls extends LooseDefinitions<"call"> = CallDefinitions,
  Streams extends LooseDefinitions<"stream"> = StreamDefinitions,
> {
  /** Messages that nobody answers. Default: none. */
  readonly events?: Events | undefined;
  /** Questions with one answer. Default: none. */
  readonly calls?: Calls | undefined;
  /** Values one after the other, in one direction or in both, until there is an end. Default: none. */
  readonly streams?: Streams | undefined;
  /** How values become messages. Default: `json()`, which every language reads and everybody can look at. */
  readonly codec?: Codec | undefined;
  /**
   * The name of the session's channel for events and calls; streams have one beside it. Default: `contract`. Another name
   * lets a session carry several contracts.
   */
  readonly channel?: string | undefined;
}

/** What a client and a server have agreed on. Made by `defineContract`, and shared by both. */
export interface Contract<
  Events extends EventDefinitions = EventDefinitions,
  Calls extends LooseDefinitions<"call"> = CallDefinitions,
  Streams extends LooseDefinitions<"stream"> = StreamDefinitions,
> {
  readonly events: Events;
  readonly calls: Calls;
  readonly streams: Streams;
  readonly codec: Codec;
  readonly channel: string;
}

/** The codes that an error of a contract may not have: those of `CallError`. */
export type NoReservedCodes = { readonly [Code in CallErrorCode]?: never };
