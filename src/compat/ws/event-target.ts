import type { EventEmitter } from "node:events";
import { type InspectOptions, inspect } from "node:util";

/**
 * An event as the listeners of `addEventListener` and of `onopen` get it. Nothing of it is a property of its own, as in
 * browsers: a log that makes JSON of one is not to have the whole socket in it, with its URL and headers.
 */
export class Event {
  readonly #type: string;
  readonly #target: object | null;

  constructor(type: string, target: object | null = null) {
    this.#type = type;
    this.#target = target;
  }

  /** What it is called: `open`, `close`, `error` or `message`. */
  get type(): string {
    return this.#type;
  }

  /** The socket that it happened to. */
  get target(): object | null {
    return this.#target;
  }
}

/** The connection is gone. */
export class CloseEvent extends Event {
  readonly #code: number;
  readonly #reason: string;
  readonly #wasClean: boolean;

  constructor(target: object | null, code: number, reason: string, wasClean: boolean) {
    super("close", target);
    this.#code = code;
    this.#reason = reason;
    this.#wasClean = wasClean;
  }

  /** The close code: that of the peer, 1005 without one, 1006 without a close frame. */
  get code(): number {
    return this.#code;
  }

  /** The reason of the peer. */
  get reason(): string {
    return this.#reason;
  }

  /** Whether both sides sent a close frame. */
  get wasClean(): boolean {
    return this.#wasClean;
  }
}

/** Something went wrong. */
export class ErrorEvent extends Event {
  readonly #error: unknown;

  constructor(target: object | null, error: unknown) {
    super("error", target);
    this.#error = error;
  }

  /** What. */
  get error(): unknown {
    return this.#error;
  }

  /** Its message. */
  get message(): string {
    return String((this.#error as { readonly message?: unknown } | null | undefined)?.message ?? "");
  }
}

/** A message. */
export class MessageEvent extends Event {
  readonly #data: unknown;

  constructor(target: object | null, data: unknown) {
    super("message", target);
    this.#data = data;
  }

  /** Text as a string, binary as `binaryType` says. */
  get data(): unknown {
    return this.#data;
  }
}

for (const { prototype } of [Event, CloseEvent, ErrorEvent, MessageEvent]) {
  for (const name of Object.getOwnPropertyNames(prototype))
    if (name !== "constructor") Object.defineProperty(prototype, name, { enumerable: true });
}
Object.defineProperty(Event.prototype, inspect.custom, { configurable: true, writable: true, value: shown });

/** What a console shows: all but the socket. */
function shown(this: Event, depth: number, options: InspectOptions): string {
  const { name } = this.constructor;
  if (depth < 0) return `[${name}]`;
  const members: Record<string, unknown> = { type: this.type };
  for (const member in this) if (member !== "target") members[member] = this[member as keyof Event];
  return `${name} ${inspect(members, { ...options, depth })}`;
}

/** A function, or an object with `handleEvent`. */
export type Listener = ((event: never) => void) | { handleEvent(event: never): void };

/** What the emitter is asked for. */
interface Target extends EventEmitter {
  readonly _closeFrameReceived: boolean;
  readonly _closeFrameSent: boolean;
}

/** The listener that stands behind the one of the emitter, and whether it is the one of `onopen` and the like. */
const LISTENER = Symbol("listener");
const IS_ATTRIBUTE = Symbol("attribute");

interface Wrapper {
  (this: Target, first: unknown, second: unknown): void;
  [LISTENER]?: Listener;
  [IS_ATTRIBUTE]?: boolean;
}

type EventOf = (target: Target, first: unknown, second: unknown) => Event;
/** What event an emitter's arguments come to, by its name. */
const EVENTS: ReadonlyMap<string, EventOf> = new Map<string, EventOf>([
  ["open", (target) => new Event("open", target)],
  ["message", (target, data, isBinary) => new MessageEvent(target, isBinary === true ? data : String(data))],
  ["error", (target, error) => new ErrorEvent(target, error)],
  [
    "close",
    (target, code, reason) =>
      new CloseEvent(
        target,
        Number(code),
        String(reason),
        target._closeFrameReceived && target._closeFrameSent,
      ),
  ],
]);

/** Adds a listener, once however often it is added. Other events than the four of the standard are ignored. */
export function addListener(target: Target, type: string, listener: Listener, isOnce: boolean): void {
  const isThere = wrappersOf(target, type).some((one) => one[LISTENER] === listener && !one[IS_ATTRIBUTE]);
  if (!isThere) add(target, type, listener, isOnce, false);
}

/** Takes a listener off again. */
export function removeListener(target: Target, type: string, listener: Listener): void {
  const found = wrappersOf(target, type).find((one) => one[LISTENER] === listener && !one[IS_ATTRIBUTE]);
  if (found !== undefined) target.removeListener(type, found);
}

/** Gives a class the attributes `onopen`, `onerror`, `onclose` and `onmessage`, enumerable, as those of the standard are. */
export function defineEventAttributes(prototype: Target): void {
  for (const type of ["open", "error", "close", "message"]) {
    Object.defineProperty(prototype, `on${type}`, {
      configurable: true,
      enumerable: true,
      get(this: Target): Listener | null {
        return attributeOf(this, type);
      },
      set(this: Target, listener: unknown) {
        setAttribute(this, type, listener);
      },
    });
  }
}

function attributeOf(target: Target, type: string): Listener | null {
  return wrappersOf(target, type).find((one) => one[IS_ATTRIBUTE])?.[LISTENER] ?? null;
}

/** Anything but a function takes it off. */
function setAttribute(target: Target, type: string, listener: unknown): void {
  const before = wrappersOf(target, type).find((one) => one[IS_ATTRIBUTE]);
  if (before !== undefined) target.removeListener(type, before);
  if (typeof listener === "function") add(target, type, listener as Listener, false, true);
}

/** `listeners` and not `rawListeners`: of one that was added with `once` it gives the wrapper as well. */
function wrappersOf(target: Target, type: string): Wrapper[] {
  return target.listeners(type) as Wrapper[];
}

function add(target: Target, type: string, listener: Listener, isOnce: boolean, isAttribute: boolean): void {
  const eventOf = EVENTS.get(type);
  if (eventOf === undefined) return;
  const wrapper: Wrapper = function (first, second) {
    const event = eventOf(this, first, second) as never;
    if (typeof listener === "function") listener.call(this, event);
    else listener.handleEvent(event);
  };
  wrapper[LISTENER] = listener;
  wrapper[IS_ATTRIBUTE] = isAttribute;
  if (isOnce) target.once(type, wrapper);
  else target.on(type, wrapper);
}
