import { withTimeout } from "./with-timeout.js";

/** Far more than anything here takes: a limit for what never happens, not a measurement. */
export const PATIENCE_MS = 15_000;

/** Values that events bring and a test takes one after the other, so that a test waits for what happens and no longer. */
export class Inbox<T> {
  readonly #name: string;
  readonly #values: T[] = [];
  readonly #takers: ((value: T) => void)[] = [];

  /** @param name what it holds, for the message of a wait that ends in vain. */
  constructor(name: string) {
    this.#name = name;
  }

  /** How many values nobody took yet. */
  get size(): number {
    return this.#values.length;
  }

  push(value: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#values.push(value);
    else taker(value);
  }

  /** The next value, as soon as there is one. */
  next(): Promise<T> {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift()!);
    const value = new Promise<T>((resolve) => this.#takers.push(resolve));
    return withTimeout(value, PATIENCE_MS, `the next ${this.#name}`);
  }

  /** All that is there now. */
  takeAll(): T[] {
    return this.#values.splice(0);
  }
}
