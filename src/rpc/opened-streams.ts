import { checkValue } from "../codec/standard-schema.js";
import { countOption } from "../core/count-option.js";
import { UsageError } from "../core/hawser-error.js";
import { CallError } from "./call-error.js";
import type { StreamSettings } from "./contract-types.js";
import type { StreamDefinition } from "./definitions.js";
import { errorFromWire } from "./failure.js";
import type { Lane, LaneUser } from "./lane.js";
import { isCount, Kind, type Message } from "./message-kind.js";
import type { ConversationPort, EndCode, OpenedStreamsPart, UnreadValuesPart } from "./parts.js";
import type { RemoteStream } from "./remote-stream.js";
import { MAX_STREAM_WINDOW } from "./rpc-limits.js";
import { ValuePump } from "./value-pump.js";
import { ValueQueue, type ValueQueueOwner } from "./value-queue.js";

/** A stream that this side opened, for whoever reads it. */
class OpenedStream implements RemoteStream<unknown, unknown>, ValueQueueOwner {
  /** 0 until the other side is told of it. */
  n = 0;
  readonly name: string;
  readonly definition: StreamDefinition;
  readonly queue: ValueQueue;
  pump: ValuePump | undefined;
  /** Whose message opens it, once there is one. */
  opening: LaneUser | undefined;
  readonly #streams: OpenedStreams;
  readonly #signal: AbortSignal | undefined;
  /** How it ended; undefined while it goes on. */
  #end: { readonly error?: unknown; readonly output?: unknown } | undefined;
  #finished: { promise: Promise<unknown>; settle(): void } | undefined;

  constructor(
    streams: OpenedStreams,
    name: string,
    definition: StreamDefinition,
    window: number,
    signal: AbortSignal | undefined,
  ) {
    this.name = name;
    this.definition = definition;
    this.#streams = streams;
    this.queue = new ValueQueue(this, definition.down, window, "INVALID_OUTPUT", streams.unread);
    this.queue.allow();
    this.#signal = signal;
    signal?.addEventListener("abort", this.#aborted);
  }

  readonly #aborted = (): void => this.cancel(this.#signal?.reason);

  get finished(): Promise<unknown> {
    this.#finished ??= makeFinished(() => this.#end);
    return this.#finished.promise;
  }

  get what(): string {
    return `stream ${this.name}`;
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return this.queue.next();
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    return this.queue.return();
  }

  cancel(cause?: unknown): void {
    this.failed(new CallError("ABORTED", `stream ${this.name}: cancelled`, { cause }));
  }

  taken(count: number): void {
    this.#streams.tell([Kind.credit, this.n, count]);
  }

  left(): void {
    this.cancel();
  }

  notRead(error: CallError): void {
    this.#streams.report(error);
    this.failed(error);
  }

  /** Ends it from this side: the other is told to stop, unless it has not been told of it yet. */
  failed(error: unknown): void {
    if (this.over({ error }) && this.opening !== undefined && !this.#streams.withdraw(this.opening))
      this.#streams.tell([Kind.stop, this.n]);
    this.queue.fail(error);
  }

  /** It has ended. False if it had before. */
  over(end: { readonly error?: unknown; readonly output?: unknown }): boolean {
    if (this.#end !== undefined) return false;
    this.#end = end;
    this.#streams.remove(this);
    this.pump?.stop();
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.queue.end(end.error);
    this.#finished?.settle();
    return true;
  }
}

/** The promise of an end. That it is rejected is no news for the process: the reader of the values is told as well. */
function makeFinished(end: () => { readonly error?: unknown; readonly output?: unknown } | undefined): {
  promise: Promise<unknown>;
  settle(): void;
} {
  let settle = (): void => undefined;
  const promise = new Promise<unknown>((resolve, reject) => {
    settle = () => {
      const ended = end();
      if (ended === undefined) return;
      if (ended.error === undefined) resolve(ended.output);
      else reject(ended.error);
    };
  });
  promise.then(undefined, () => undefined);
  settle();
  return { promise, settle };
}

/** The streams that this side has opened on one session. */
export class OpenedStreams implements OpenedStreamsPart {
  readonly #conversation: ConversationPort;
  readonly #open = new Set<OpenedStream>();
  readonly #byNumber = new Map<number, OpenedStream>();

  constructor(conversation: ConversationPort) {
    this.#conversation = conversation;
  }

  /** @throws UsageError `INVALID_OPTION` for a window that is no number, and for values that are no iterable. */
  open(
    name: string,
    definition: StreamDefinition,
    input: unknown,
    values: AsyncIterable<unknown> | Iterable<unknown> | undefined,
    settings: StreamSettings = {},
  ): RemoteStream<unknown, unknown> {
    const { side, streams, isClosed } = this.#conversation;
    const lane = isClosed ? undefined : streams;
    const { signal } = settings;
    const window = Math.min(countOption(settings, "window", side.limits.streamWindow, 1), MAX_STREAM_WINDOW);
    if (definition.up !== undefined && values !== undefined && !isIterable(values)) {
      throw new UsageError(
        "INVALID_OPTION",
        `stream ${name}: its values have to be an iterable, and no string`,
      );
    }
    const isFull = this.#open.size >= side.limits.maxStreams;
    const stream = new OpenedStream(this, name, definition, window, signal);
    const what = `stream ${name}`;
    if (signal?.aborted === true) stream.over({ error: aborted(what, signal.reason) });
    else if (lane === undefined) {
      const message = `${what}: there is no session`;
      stream.over({ error: new CallError("SESSION_CLOSED", message, { mayHaveRun: false }) });
    } else if (isFull) {
      const message = `${what}: as many streams are open as maxStreams allows`;
      stream.over({ error: new CallError("TOO_MANY_STREAMS", message) });
    } else {
      this.#open.add(stream);
      void this.#start(stream, window, input, values);
    }
    return stream;
  }

  /** `[value, n, value]`, `[credit, n, count]`, `[end, n, output]` or `[fail, n, code, data]`, with `n` as it is here. */
  receive(n: number, message: Message, byteLength: number): boolean {
    if (n > this.#conversation.numbers.lastStream) return false;
    const stream = this.#byNumber.get(n);
    if (stream === undefined) return true;
    const [kind, , first, second] = message;
    const what = `stream ${stream.name}`;
    if (kind === Kind.value) return stream.queue.push(first, byteLength);
    if (kind === Kind.credit) {
      if (!isCount(first) || stream.pump === undefined) return false;
      stream.pump.addCredit(first);
    } else if (kind === Kind.end) {
      void Promise.resolve(checkValue(stream.definition.output, first)).then(({ issues, ...checked }) => {
        if (issues === undefined) stream.over({ output: (checked as { value?: unknown }).value });
        else {
          const message = `${what}: the output does not fit its schema`;
          stream.over({ error: new CallError("INVALID_OUTPUT", message, { issues }) });
        }
      });
    } else if (kind === Kind.fail) {
      if (typeof first !== "string") return false;
      void errorFromWire(first, second, stream.definition.errors, what).then((error) =>
        stream.over({ error }),
      );
    } else return false;
    return true;
  }

  end(code: EndCode, message: string, mayHaveRun: boolean): void {
    for (const stream of this.#open) {
      const details = { mayHaveRun: mayHaveRun && stream.n > 0 };
      stream.over({ error: new CallError(code, `stream ${stream.name}: ${message}`, details) });
    }
  }

  /** Nobody reads any more: the other side is told. */
  cancel(): void {
    for (const stream of this.#open) stream.cancel();
  }

  remove(stream: OpenedStream): void {
    this.#open.delete(stream);
    this.#byNumber.delete(stream.n);
  }

  get unread(): UnreadValuesPart | undefined {
    return this.#conversation.unread;
  }

  report(error: CallError): void {
    this.#conversation.side.report(error, this.#conversation.peer);
  }

  tell(message: Message): void {
    this.#conversation.streams?.tell(message);
  }

  /** Takes back what would open a stream. False if it has left. */
  withdraw(opening: LaneUser): boolean {
    return this.#conversation.streams?.withdraw(opening) === true;
  }

  async #start(
    stream: OpenedStream,
    window: number,
    input: unknown,
    values: AsyncIterable<unknown> | Iterable<unknown> | undefined,
  ): Promise<void> {
    const { name, definition } = stream;
    const { side, streams: lane, numbers } = this.#conversation;
    const what = `stream ${name}`;
    if (side.checkSent) {
      const { issues } = await checkValue(definition.input, input);
      if (issues !== undefined) {
        const message = `${what}: the input does not fit its schema`;
        stream.over({ error: new CallError("INVALID_INPUT", message, { issues }) });
      }
    }
    if (stream.isOver || lane === undefined) return;
    try {
      const data = lane.encode([Kind.open, numbers.lastStream + 1, name, window, input]);
      // Not before: streams are opened in the order of their numbers, however long their checks take.
      stream.n = ++numbers.lastStream;
      this.#byNumber.set(stream.n, stream);
      const notTaken = (): void =>
        void stream.over({ error: new CallError("INVALID_INPUT", `${what}: the input is too long`) });
      stream.opening = { notTaken };
      if (!lane.send(data, stream.opening)) {
        const message = `${what}: the other side does not take it`;
        stream.over({ error: new CallError("SESSION_CLOSED", message, { mayHaveRun: false }) });
        return;
      }
    } catch (cause) {
      stream.over({ error: new CallError("INVALID_INPUT", `${what}: the input cannot be sent`, { cause }) });
      return;
    }
    if (definition.up !== undefined && !stream.isOver) await this.#sendUp(stream, lane, values ?? []);
  }

  async #sendUp(
    stream: OpenedStream,
    lane: Lane,
    values: AsyncIterable<unknown> | Iterable<unknown>,
  ): Promise<void> {
    const { n, name, definition } = stream;
    const schema = this.#conversation.side.checkSent ? definition.up : undefined;
    const failed = (error: unknown): void => {
      if (stream.over({ error })) lane.tell([Kind.fail, n, "SOURCE_FAILED"]);
    };
    const what = `stream ${name}`;
    stream.pump = new ValuePump({ n, lane, schema, code: "INVALID_INPUT", what, failed }, 0);
    try {
      await stream.pump.run(values);
      if (!stream.isOver) lane.tell([Kind.end, n]);
    } catch (thrown) {
      failed(thrown ?? new CallError("SOURCE_FAILED", `${what}: its source threw ${String(thrown)}`));
    }
  }
}

function isIterable(values: object): boolean {
  return (
    typeof values === "object" &&
    values !== null &&
    (Symbol.asyncIterator in values || Symbol.iterator in values)
  );
}

function aborted(what: string, cause: unknown): CallError {
  return new CallError("ABORTED", `${what}: cancelled`, { mayHaveRun: false, cause });
}
