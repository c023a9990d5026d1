import type { StandardSchema } from "../codec/standard-schema.js";
import { UsageError } from "../core/hawser-error.js";
import { isThenable } from "../core/is-thenable.js";
import type { OptionalOf } from "../core/optional-of.js";
import type { Peer } from "../session/peer-port.js";
import type { CallError } from "./call-error.js";
import type { CallLedgers } from "./call-ledgers.js";
import { type Clock, systemClock } from "./clock.js";
import type { CallDefinition, Contract, Role, StreamDefinition } from "./definitions.js";
import { goesTo, schemaOf } from "./directed-event.js";
import { requireContract } from "./require-contract.js";
import { type RpcLimits, rpcLimits } from "./rpc-limits.js";

/** What a side does with what comes, and how: the same for a client and for a server. */
export interface SideOptions<P extends Peer = Peer> {
  /**
   * Whether what this side sends is checked against the contract, too: inputs, outputs, events, values. Default: true. A
   * mistake is then found where it was made, with its stack, and an object that has more properties than a strict schema
   * allows does not get out. It costs one validation more for each value.
   */
  readonly checkSent?: boolean | undefined;
  /**
   * Told what nobody else hears of: what a handler threw that is not declared (the `cause`), an event of the other side that
   * does not fit, a message that breaks the rules. By default it is written with `console.error`.
   */
  readonly error?: ((error: CallError, peer: P) => void) | undefined;
  /** The time. Default: that of the platform; a test gives its own. */
  readonly clock?: Clock | undefined;
}

/** An event that this side receives. */
export interface IncomingEvent {
  readonly schema: StandardSchema;
  readonly handler: ((value: unknown, context: unknown) => unknown) | undefined;
}

/** A call or a stream that this side answers. */
export interface Answered<Definition> {
  readonly definition: Definition;
  readonly handler: (input: unknown, context: unknown) => unknown;
}

/** The options of a side with its handlers, whatever their types. */
export interface AnySideOptions extends SideOptions, OptionalOf<RpcLimits> {
  readonly events?: object | undefined;
  readonly calls?: object | undefined;
  readonly streams?: object | undefined;
}

/** One side of a contract, with what all its conversations share. */
export class ContractSide {
  readonly contract: Contract;
  readonly role: Role;
  readonly limits: RpcLimits;
  readonly clock: Clock;
  readonly checkSent: boolean;
  /** What comes from the other side, by name. */
  readonly events: Map<string, IncomingEvent> = new Map();
  readonly calls: Map<string, Answered<CallDefinition>> = new Map();
  readonly streams: Map<string, Answered<StreamDefinition>> = new Map();
  /** On a server: what is known of the calls of clients that may come back. */
  readonly ledgers: CallLedgers | undefined;
  readonly #error: SideOptions["error"];

  /**
   * @param makeLedgers called where contract and options are good.
   * @throws UsageError `INVALID_CONTRACT`; `INVALID_OPTION` for an option that cannot be, and for a call or a stream without a
   * handler.
   */
  constructor(contract: Contract, role: Role, options: AnySideOptions, makeLedgers?: () => CallLedgers) {
    requireContract(contract);
    requireOptions(options);
    this.contract = contract;
    this.role = role;
    this.limits = rpcLimits(options);
    this.clock = options.clock ?? systemClock;
    this.checkSent = options.checkSent ?? true;
    this.ledgers = makeLedgers?.();
    this.#error = options.error;
    for (const [name, event] of Object.entries(contract.events)) {
      if (!goesTo(event, role)) continue;
      this.events.set(name, { schema: schemaOf(event), handler: handlerOf(options.events, name) });
    }
    addAnswered(this.calls, contract.calls, role, options.calls);
    addAnswered(this.streams, contract.streams, role, options.streams);
  }

  /** Tells the application. */
  report(error: CallError, peer: Peer): void {
    try {
      if (this.#error === undefined) console.error(error);
      else {
        const result: unknown = this.#error(error, peer);
        if (isThenable(result)) result.then(undefined, (failure) => console.error(failure));
      }
    } catch (thrown) {
      console.error(thrown);
    }
  }
}

/** Numbers and handlers are looked at where they are taken. */
function requireOptions(options: AnySideOptions): void {
  if (!isObject(options)) throw invalid("the options of a contract", "an object");
  const { events, calls, streams, clock, error, checkSent } = options;
  for (const [name, handlers] of Object.entries({ events, calls, streams })) {
    // A class with static methods is an object of handlers as well.
    if (handlers !== undefined && !isObject(handlers) && typeof handlers !== "function")
      throw invalid(name, "an object of handlers");
  }
  if (clock !== undefined && !(isObject(clock) && isFunction(clock.nowMs) && isFunction(clock.after)))
    throw invalid("clock", "an object with nowMs() and after()");
  if (error !== undefined && !isFunction(error)) throw invalid("error", "a function");
  if (checkSent !== undefined && typeof checkSent !== "boolean") throw invalid("checkSent", "true or false");
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function invalid(name: string, wanted: string): UsageError {
  return new UsageError("INVALID_OPTION", `${name} must be ${wanted}`);
}

type AnyHandler = (value: unknown, context: unknown) => unknown;

/** The handlers may be an object of a class; what every object has is none. */
function handlerOf(handlers: object | undefined, name: string): AnyHandler | undefined {
  const handler = (handlers as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (handler === undefined || handler === (Object.prototype as unknown as Record<string, unknown>)[name]) {
    return undefined;
  }
  if (typeof handler !== "function")
    throw new UsageError("INVALID_OPTION", `the handler of ${name} is no function`);
  // `this` is the object of the handlers, as it is where they are called by their name.
  return (value, context): unknown => handler.call(handlers, value, context);
}

function addAnswered<Definition extends { readonly by: Role; readonly kind: string }>(
  answered: Map<string, Answered<Definition>>,
  definitions: Readonly<Record<string, Definition>>,
  role: Role,
  handlers: object | undefined,
): void {
  for (const [name, definition] of Object.entries(definitions)) {
    if (definition.by !== role) continue;
    const handler = handlerOf(handlers, name);
    if (handler === undefined) {
      const { kind } = definition;
      throw new UsageError(
        "INVALID_OPTION",
        `the ${kind} ${name} has no handler: it belongs into "${kind}s"`,
      );
    }
    answered.set(name, { definition, handler });
  }
}
