/** The value of an attribute such as `onmessage`. */
export type EventHandler<Target extends EventTarget, E extends Event> =
  | ((this: Target, event: E) => unknown)
  | null;

/**
 * An event handler attribute (HTML Standard §8.1.8.1). Its listener takes its place among the others when it is
 * first set, and keeps it when another function is set; null takes it away.
 */
export class EventHandlerAttribute<Target extends EventTarget, E extends Event> {
  readonly #target: Target;
  readonly #type: string;
  #value: EventHandler<Target, E> = null;

  constructor(target: Target, type: string) {
    this.#target = target;
    this.#type = type;
  }

  get value(): EventHandler<Target, E> {
    return this.#value;
  }

  set value(value: EventHandler<Target, E>) {
    // WebIDL's LegacyTreatNonObjectAsNull: an object that cannot be called is kept, and never called.
    const isObject = typeof value === "function" || (typeof value === "object" && value !== null);
    const next = isObject ? value : null;
    if (this.#value === null && next !== null) this.#target.addEventListener(this.#type, this.#listener);
    if (this.#value !== null && next === null) this.#target.removeEventListener(this.#type, this.#listener);
    this.#value = next;
  }

  readonly #listener = (event: Event): void => {
    if (typeof this.#value === "function") this.#value.call(this.#target, event as E);
  };
}
