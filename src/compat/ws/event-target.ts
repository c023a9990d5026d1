import type { EventEmitter } from "node:events";

/** An event as the listeners of `addEventListener` and of `onopen` get it. */
export class Event {
  /** What it is called: `open`, `close`, `error` or `message`. */
  readonly type: string;
  /** The socket that it happened to. */
  readonly target: object | null;

  constructor(type: string, target: object | null = null) {
    this.type = type;
    this.target = target;
  }
}

/** The connection is gone. */
export class CloseEvent extends Event {
  /** The close code: that of the peer, 1005 without one, 1006 without a close frame. */
  readonly code: number;
  /** The reason of the peer. */
  readonly reason: string;
  /** Whether both sides sent a close frame. */
  readonly wasClean: boolean;

  constructor(target: object | null, code: number, reason: string, wasClean: boolean) {
    super("close", target);
    this.code = code;
    this.reason = reason;
    this.wasClean = wasClean;
  }
}

/** Something went wrong. */
export class ErrorEvent extends Event {
  /** What. */
  readonly error: unknown;
  /** Its message. */
  readonly message: string;

  constructor(target: object | null, error: unknown) {
    super("error", target);
    this.error = error;
    this.message = String((error as { readonly message?: unknown } | null | undefined)?.message ?? "");
  }
}

/** A message. */
export class MessageEvent extends Event {
  /** Text as a string, binary as `binaryType` says. */
  readonly data: unknown;

  constructor(target: object | null, data: unknown) {
    super("message", target);
    this.data = data;
  }
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
