import type { Encoded } from "../codec/codec.js";
import type { SchemaInput, SchemaOutput, StandardSchema } from "../codec/standard-schema.js";
import type { Peer, SendStatus } from "../session/peer-port.js";
import type { CallError } from "./call-error.js";
import type { DeclaredError } from "./declared-error.js";
import type {
  CallDefinition,
  Contract,
  DirectedEvent,
  ErrorDefinitions,
  NoSchema,
  Role,
  StreamDefinition,
} from "./definitions.js";
import type { RemoteStream } from "./remote-stream.js";

/** The side that is not this one. */
export type OtherRole<Own extends Role> = Own extends "client" ? "server" : "client";

/** What may be said about one call. */
export interface CallSettings {
  /**
   * How long to wait for the answer, in ms, across all that happens to the session. The handler is told, and its `signal`
   * aborts then. `Infinity` is for ever. Default: the `deadlineMs` of this side, 30 s.
   */
  readonly deadlineMs?: number | undefined;
  /** Cancels it: the promise is rejected with `ABORTED`, and the `signal` of the handler aborts. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether to send it again after a reset of the session, where it cannot run twice. Default: true. With false, it ends
   * with `SESSION_RESET`.
   */
  readonly retry?: boolean | undefined;
}

/** What may be said about one stream. */
export interface StreamSettings {
  /** Cancels it: reading fails with `ABORTED`, and the `signal` of the handler aborts. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** How many values may wait here to be read. Default: the `streamWindow` of this side, 32. */
  readonly window?: number | undefined;
}

/** The data of a declared error, as whoever throws it gives it. */
type DataInput<Schema> = Schema extends StandardSchema ? SchemaInput<Schema> : undefined;

/** The errors that a contract declares, as whoever called gets them. */
export type DeclaredErrorsOf<Errors extends ErrorDefinitions> = {
  [Code in keyof Errors & string]: DeclaredError<
    Code,
    Errors[Code] extends StandardSchema ? SchemaOutput<Errors[Code]> : undefined
  >;
}[keyof Errors & string];

/** All errors that a call or a stream can end with: those declared, and those that every one has. */
export type ErrorOf<Definition extends { readonly errors: ErrorDefinitions }> =
  | CallError
  | DeclaredErrorsOf<Definition["errors"]>;

/** A promise that tells the compiler what it may be rejected with: see `attempt`. */
export interface CallPromise<Value, Failure> extends Promise<Value> {
  /** For the compiler only; there is nothing here. */
  readonly "~failure"?: Failure;
}

/** What is passed: a value that may be undefined may be left out. */
type Passed<Value, Rest extends readonly unknown[]> = undefined extends Value
  ? [value?: Value, ...rest: Rest]
  : [value: Value, ...rest: Rest];

/** A function that calls. */
export type CallFunction<Definition extends CallDefinition> =
  Definition extends CallDefinition<infer Input, infer Output>
    ? (
        ...args: Passed<SchemaInput<Input>, [settings?: CallSettings]>
      ) => CallPromise<SchemaOutput<Output>, ErrorOf<Definition>>
    : never;

/** A function that opens a stream. The values that it sends up come from an iterable. */
export type StreamFunction<Definition extends StreamDefinition> =
  Definition extends StreamDefinition<infer Input, infer Down, infer Up, infer Output>
    ? (
        ...args: Up extends NoSchema
          ? Passed<SchemaInput<Input>, [settings?: StreamSettings]>
          : [input: SchemaInput<Input>, values: Values<SchemaInput<Up>>, settings?: StreamSettings]
      ) => RemoteStream<Down extends NoSchema ? never : SchemaOutput<Down>, SchemaOutput<Output>>
    : never;

/**
 * Values one after the other; those that are there already may come from an ordinary iterable. A string is none: its characters
 * are hardly what was meant.
 */
export type Values<Value> = AsyncIterable<Value> | (Iterable<Value> & object);

/** The calls that a side answers. */
export type CallsOf<C extends Contract, By extends Role> = {
  readonly [Name in keyof C["calls"] as C["calls"][Name]["by"] extends By ? Name : never]: CallFunction<
    C["calls"][Name]
  >;
};

/** The streams that a side answers. */
export type StreamsOf<C extends Contract, By extends Role> = {
  readonly [Name in keyof C["streams"] as C["streams"][Name]["by"] extends By ? Name : never]: StreamFunction<
    C["streams"][Name]
  >;
};

type EventSchema<Event> = Event extends StandardSchema
  ? Event
  : Event extends DirectedEvent<infer Schema>
    ? Schema
    : never;
type EventTarget<Event> = Event extends StandardSchema
  ? Role
  : Event extends DirectedEvent<StandardSchema, infer To>
    ? To
    : never;

/** Sends the events that a side receives. What they return is what became of the message. */
export type EmittersOf<C extends Contract, To extends Role> = {
  readonly [Name in keyof C["events"] as To extends EventTarget<C["events"][Name]> ? Name : never]: (
    ...args: Passed<SchemaInput<EventSchema<C["events"][Name]>>, []>
  ) => SendStatus;
};

/** Makes the messages of the events that a side receives. */
export type EventEncodersOf<C extends Contract, To extends Role> = {
  readonly [Name in keyof C["events"] as To extends EventTarget<C["events"][Name]> ? Name : never]: (
    ...args: Passed<SchemaInput<EventSchema<C["events"][Name]>>, []>
  ) => Encoded;
};

/** Listens to the events that a side receives. What they return ends that. */
export type ListenersOf<C extends Contract, To extends Role> = {
  readonly [Name in keyof C["events"] as To extends EventTarget<C["events"][Name]> ? Name : never]: (
    listener: (value: SchemaOutput<EventSchema<C["events"][Name]>>) => unknown,
  ) => () => void;
};

/** The other side of a session, as a contract describes it. Its functions may be taken out and passed on. */
export interface Remote<C extends Contract, Other extends Role> {
  /** Calls: `await remote.call.add({ a: 1, b: 2 })`. */
  readonly call: CallsOf<C, Other>;
  /** Opens streams: `for await (const price of remote.stream.prices({ symbol: "HWS" }))`. */
  readonly stream: StreamsOf<C, Other>;
  /**
   * Sends events: `remote.emit.typing({ who: "ada" })`.
   * They throw a `CallError` `INVALID_INPUT` for what does not fit the schema, or is not to be encoded.
   */
  readonly emit: EmittersOf<C, Other>;
  /** Listens to events: `const stop = remote.on.typing(({ who }) => ...)`. */
  readonly on: ListenersOf<C, OtherRole<Other>>;
}

/** What every handler is told. */
export interface EventContext<R, P extends Peer> {
  /** The other side: what it can be called and told. */
  readonly remote: R;
  /** The session, as it was given. */
  readonly peer: P;
}

/** What the handler of a call or a stream is told. */
export interface HandlerContext<R, P extends Peer, Errors extends ErrorDefinitions = ErrorDefinitions>
  extends EventContext<R, P> {
  /** The name in the contract. */
  readonly name: string;
  /**
   * Aborts when nobody waits for the outcome any more: the deadline is over, the caller has cancelled, the session was
   * closed. The reason is a `CallError`.
   */
  readonly signal: AbortSignal;
  /** Makes an error that the contract declares: `throw context.error("FULL", { max: 8 })`. */
  error<Code extends keyof Errors & string>(
    code: Code,
    ...data: Passed<DataInput<Errors[Code]>, []>
  ): DeclaredError<Code, DataInput<Errors[Code]>>;
}

/** What the handler of a call is told. */
export interface CallContext<R, P extends Peer, Errors extends ErrorDefinitions = ErrorDefinitions>
  extends HandlerContext<R, P, Errors> {
  /** How long the caller will still wait, in ms; `Infinity` for ever, and never below 0. */
  readonly remainingMs: number;
  /**
   * Tells this call from all others, and stays the same when it is sent again after a reset: a key for work that must not
   * be done twice even where a server is restarted. Undefined where the caller does not send again.
   */
  readonly callId: string | undefined;
}

/** What the handler of a stream is told. */
export interface StreamContext<Up, R, P extends Peer, Errors extends ErrorDefinitions = ErrorDefinitions>
  extends HandlerContext<R, P, Errors> {
  /** The values from whoever opened it. They are read once. */
  readonly values: AsyncIterableIterator<Up>;
}

/** A handler of a call: returns the output, or throws. */
export type CallHandler<Definition extends CallDefinition, R, P extends Peer> =
  Definition extends CallDefinition<infer Input, infer Output, infer Errors>
    ? (
        input: SchemaOutput<Input>,
        context: CallContext<R, P, Errors>,
      ) => Returned<Output> | Promise<Returned<Output>>
    : never;

/** A handler of a stream: an async generator of the values down, or a function where there are none. */
export type StreamHandler<Definition extends StreamDefinition, R, P extends Peer> =
  Definition extends StreamDefinition<infer Input, infer Down, infer Up, infer Output, infer Errors>
    ? (
        input: SchemaOutput<Input>,
        context: StreamContext<Up extends NoSchema ? never : SchemaOutput<Up>, R, P, Errors>,
      ) => Down extends NoSchema
        ? Returned<Output> | Promise<Returned<Output>>
        : AsyncIterable<SchemaInput<Down>, Returned<Output>>
    : never;

/** What a handler returns where the contract has no output does not matter, and is not sent. */
type Returned<Output extends StandardSchema> = Output extends NoSchema ? unknown : SchemaInput<Output>;

type CallHandlersOf<C extends Contract, Own extends Role, P extends Peer> = {
  readonly [Name in keyof C["calls"] as C["calls"][Name]["by"] extends Own ? Name : never]: CallHandler<
    C["calls"][Name],
    Remote<C, OtherRole<Own>>,
    P
  >;
};
type StreamHandlersOf<C extends Contract, Own extends Role, P extends Peer> = {
  readonly [Name in keyof C["streams"] as C["streams"][Name]["by"] extends Own ? Name : never]: StreamHandler<
    C["streams"][Name],
    Remote<C, OtherRole<Own>>,
    P
  >;
};
type EventHandlersOf<C extends Contract, Own extends Role, P extends Peer> = {
  readonly [Name in keyof C["events"] as Own extends EventTarget<C["events"][Name]> ? Name : never]?:
    | ((
        value: SchemaOutput<EventSchema<C["events"][Name]>>,
        context: EventContext<Remote<C, OtherRole<Own>>, P>,
      ) => unknown)
    | undefined;
};

/** `{ [key]: Members }`, or nothing where there are no members that have to be there. */
type Needed<Key extends string, Members> = keyof Members extends never
  ? { readonly [K in Key]?: Members | undefined }
  : { readonly [K in Key]: Members };

/** What a side does when the other calls, opens a stream or sends an event. Calls and streams have to be answered. */
export type HandlersOf<C extends Contract, Own extends Role, P extends Peer = Peer> = Needed<
  "calls",
  CallHandlersOf<C, Own, P>
> &
  Needed<"streams", StreamHandlersOf<C, Own, P>> & {
    /** By name. One without a handler is dropped, unless somebody listens with `remote.on`. */
    readonly events?: EventHandlersOf<C, Own, P> | undefined;
  };
