import { checkValue, type StandardSchema } from "../codec/standard-schema.js";
import { CallError } from "./call-error.js";
import type { Lane, LaneUser } from "./lane.js";
import { Kind } from "./message-kind.js";

/** What a {@link ValuePump} sends, and how it is called. */
export interface PumpedValues {
  /** The number of the stream, as the other side reads it. */
  readonly n: number;
  readonly lane: Lane;
  /** Against which each value is checked; undefined for not at all. */
  readonly schema: StandardSchema | undefined;
  readonly code: "INVALID_INPUT" | "INVALID_OUTPUT";
  readonly what: string;
  /** A value that was sent already, and waited, is longer than the other side takes. */
  failed(error: CallError): void;
}

/** Sends the values of an iterable as the other side has room for them. It takes none before there is. */
export class ValuePump implements LaneUser {
  readonly #values: PumpedValues;
  /** The error for a value that does not fit, which is what `run` throws then. */
  misfit: CallError | undefined;
  #credit: number;
  #isStopped = false;
  /** Resolves when the iterable, which was left, has come to its end; undefined as long as it was not left. */
  leaving: PromiseLike<unknown> | undefined;
  #wake: (() => void) | undefined;
  #iterator: AsyncIterator<unknown, unknown> | Iterator<unknown, unknown> | undefined;

  constructor(values: PumpedValues, credit: number) {
    this.#values = values;
    this.#credit = credit;
  }

  /** The other side has room for so many more. */
  addCredit(count: number): void {
    this.#credit += count;
    this.#wake?.();
  }

  notTaken(): void {
    const { code, what } = this.#values;
    this.stop();
    this.#values.failed(new CallError(code, `${what}: a value is too long`));
  }

  /** Nothing more is sent, and the iterable is left. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#wake?.();
    this.#leave();
  }

  #leave(): void {
    try {
      // It may wait for something for ever, and what it throws is of no interest any more.
      this.leaving = Promise.resolve(this.#iterator?.return?.()).then(undefined, () => undefined);
    } catch {}
  }

  /**
   * Sends all values and returns what comes behind them; undefined once stopped.
   * @throws what the iterable throws, and a CallError for a value that does not fit.
   */
  async run(source: AsyncIterable<unknown, unknown> | Iterable<unknown, unknown>): Promise<unknown> {
    const iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#iterator = iterator;
    if (this.#isStopped) this.#leave();
    for (;;) {
      while (this.#credit === 0 && !this.#isStopped) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      await this.#values.lane.room();
      if (this.#isStopped) break;
      const { done, value } = await iterator.next();
      if (this.#isStopped) break;
      if (done === true) return value;
      await this.#send(value);
    }
    return undefined;
  }

  async #send(value: unknown): Promise<void> {
    const { n, lane, schema, code, what } = this.#values;
    if (schema !== undefined) {
      const { issues } = await checkValue(schema, value);
      if (this.#isStopped) return;
      if (issues !== undefined) {
        this.stop();
        this.misfit = new CallError(code, `${what}: a value does not fit its schema`, { issues });
        throw this.misfit;
      }
    }
    this.#credit--;
    try {
      lane.send(lane.encode([Kind.value, n, value]), this);
    } catch (cause) {
      this.stop();
      this.misfit = new CallError(code, `${what}: a value cannot be sent`, { cause });
      throw this.misfit;
    }
  }
}
