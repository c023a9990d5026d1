import { checkValue, type StandardSchema } from "../codec/standard-schema.js";
import { CallError } from "./call-error.js";
import type { UnreadSource, UnreadValuesPart } from "./parts.js";

/** What a {@link ValueQueue} tells whoever fills it. */
export interface ValueQueueOwner extends UnreadSource {
  /** Somebody reads: called each time that a value is asked for. */
  wanted?(): void;
  /** So many values were taken: there is room for as many. */
  taken(count: number): void;
  /** The reader does not want any more. */
  left(): void;
  /** A value does not fit; nothing more is taken. */
  failed(error: CallError): void;
}

interface Reader {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: unknown): void;
}

/** The values of a stream that wait to be read. They are checked when they are. */
export class ValueQueue implements AsyncIterableIterator<unknown, undefined> {
  readonly #owner: ValueQueueOwner;
  readonly #schema: StandardSchema | undefined;
  readonly #code: "INVALID_INPUT" | "INVALID_OUTPUT";
  readonly #values: unknown[] = [];
  readonly #unread: UnreadValuesPart | undefined;
  /** The lengths of the messages that the values came in, if somebody wants to know. */
  readonly #lengths: number[] = [];
  readonly #readers: Reader[] = [];
  /** How many values may still come, and how many were taken since that was last told. */
  #credit = 0;
  #taken = 0;
  readonly #window: number;
  #isOver = false;
  #error: unknown;
  /** The check of a value goes on; those behind it wait. */
  #isChecking = false;

  constructor(
    owner: ValueQueueOwner,
    schema: StandardSchema | undefined,
    window: number,
    code: "INVALID_INPUT" | "INVALID_OUTPUT",
    unread: UnreadValuesPart | undefined,
  ) {
    this.#owner = owner;
    this.#schema = schema;
    this.#window = window;
    this.#code = code;
    this.#unread = unread;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The other side was told that it may fill the window. */
  allow(): void {
    this.#credit += this.#window;
  }

  /** Takes a value from the other side. False if that had no credit for it. */
  push(value: unknown, byteLength: number): boolean {
    if (this.#schema === undefined || --this.#credit < 0) return false;
    if (this.#isOver) return true;
    this.#values.push(value);
    if (this.#unread !== undefined) {
      this.#lengths.push(byteLength);
      this.#unread.came(this.#owner, byteLength);
    }
    void this.#deliver();
    return true;
  }

  /** No more values come. Those that wait can still be read; behind them is the end, or the error. */
  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    void this.#deliver();
  }

  /** Nothing more is read: what waits is dropped. */
  fail(error: unknown): void {
    this.drop();
    this.#isOver = false;
    this.end(error);
  }

  /** Nobody reads what waits. */
  drop(): void {
    this.#values.length = this.#lengths.length = 0;
    this.#unread?.dropped(this.#owner);
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    this.#owner.wanted?.();
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      void this.#deliver();
    });
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#isOver) this.#owner.left();
    this.fail(undefined);
    return Promise.resolve(END);
  }

  async #deliver(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    while (this.#readers.length > 0 && this.#values.length > 0) {
      const checked = checkValue(this.#schema, this.#values.shift());
      this.#unread?.read(this.#owner, this.#lengths.shift()!);
      const { issues, value } = (await checked) as { issues?: CallError["issues"]; value?: unknown };
      if (issues === undefined) {
        this.#readers.shift()?.resolve({ done: false, value });
        this.#grant();
      } else {
        const error = new CallError(this.#code, `${this.#owner.what}: a value does not fit its schema`, {
          issues,
        });
        this.#owner.failed(error);
        this.fail(error);
      }
    }
    this.#isChecking = false;
    if (this.#isOver && this.#values.length === 0) {
      for (const { resolve, reject } of this.#readers.splice(0)) {
        const error = this.#error;
        this.#error = undefined;
        if (error === undefined) resolve(END);
        else reject(error);
      }
    }
  }

  /** Credit is given for half a window at a time. */
  #grant(): void {
    if (++this.#taken * 2 < this.#window || this.#isOver) return;
    this.#credit += this.#taken;
    this.#owner.taken(this.#taken);
    this.#taken = 0;
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
