import type { Encoded } from "../codec/codec.js";
import { checkValue } from "../codec/standard-schema.js";
import { isThenable } from "../core/is-thenable.js";
import type { Peer } from "../session/peer-port.js";
import { CallError } from "./call-error.js";
import type { Answered } from "./contract-side.js";
import type { StreamDefinition } from "./definitions.js";
import { errorFromWire, type Failure, failure, failureOf } from "./failure.js";
import { HandlerTask } from "./handler-task.js";
import type { Lane } from "./lane.js";
import { isCount, Kind, type Message } from "./message-kind.js";
import type { ConversationPort, EndCode, HandledStreamsPart } from "./parts.js";
import { MAX_STREAM_WINDOW } from "./rpc-limits.js";
import { ValuePump } from "./value-pump.js";
import { ValueQueue, type ValueQueueOwner } from "./value-queue.js";

/** A stream that the other side opened. It is what the handler is told with. */
class HandledStream extends HandlerTask implements ValueQueueOwner {
  readonly n: number;
  readonly definition: StreamDefinition;
  /** The values from the other side. */
  readonly values: ValueQueue;
  readonly pump: ValuePump;
  isOver = false;
  /** What was found not to fit its schema, of either side. */
  misfit: CallError | undefined;
  readonly #lane: Lane;
  readonly #failed: (error: CallError) => void;
  /** Whether the other side was told that it may send. */
  #isWanted = false;

  constructor(
    conversation: ConversationPort,
    peer: Peer,
    lane: Lane,
    n: number,
    name: string,
    definition: StreamDefinition,
    credit: number,
    failed: (error: CallError) => void,
  ) {
    super(conversation, peer, name);
    this.n = n;
    this.definition = definition;
    this.#lane = lane;
    this.#failed = failed;
    const { checkSent, limits } = conversation.side;
    const { what } = this;
    const schema = checkSent ? definition.down : undefined;
    this.pump = new ValuePump({ n: -n, lane, schema, code: "INVALID_OUTPUT", what, failed }, credit);
    this.values = new ValueQueue(
      this,
      definition.up,
      limits.streamWindow,
      "INVALID_INPUT",
      conversation.unread,
    );
  }

  get what(): string {
    return `stream ${this.name}`;
  }

  /** Nothing is sent to a handler that has not begun to read. */
  wanted(): void {
    if (this.#isWanted || this.isOver || this.definition.up === undefined) return;
    this.#isWanted = true;
    this.values.allow();
    this.#lane.tell([Kind.credit, -this.n, this.conversation.side.limits.streamWindow]);
  }

  taken(count: number): void {
    if (!this.isOver) this.#lane.tell([Kind.credit, -this.n, count]);
  }

  left(): void {}

  failed(error: CallError): void {
    this.misfit = error;
  }

  notRead(error: CallError): void {
    this.#failed(error);
  }

  /**
   * It has ended, by whichever side: the handler may stop.
   * @param isBehind whether values that came before can still be read, and the reason comes behind them.
   */
  over(reason: CallError, isBehind = false): void {
    if (this.isOver) return;
    this.isOver = true;
    this.pump.stop();
    if (isBehind) this.values.end(reason);
    else this.values.fail(reason);
    this.abort(reason);
  }

  protected override watched(): void {}
}

/** The streams that the other side has opened on one session. */
export class HandledStreams implements HandledStreamsPart {
  readonly #conversation: ConversationPort;
  readonly #open = new Map<number, HandledStream>();
  /** How many handlers have not come to their end, whether or not anybody waits for them. */
  #atWork = 0;
  #last = 0;

  constructor(conversation: ConversationPort) {
    this.#conversation = conversation;
  }

  /** `[open, n, name, window, input]`. False if it breaks the rules. */
  open([, n, name, window, input]: Message): boolean {
    if (!isCount(n) || n <= this.#last || typeof name !== "string") return false;
    if (!isCount(window) || window > MAX_STREAM_WINDOW) return false;
    this.#last = n;
    const { side, peer, streams: lane } = this.#conversation;
    const answered = side.streams.get(name);
    if (lane === undefined) return true;
    if (answered === undefined) lane.tell([Kind.fail, -n, "UNKNOWN_NAME"]);
    else if (this.#atWork >= side.limits.maxStreams) lane.tell([Kind.fail, -n, "TOO_MANY_STREAMS"]);
    else {
      const { definition } = answered;
      const failed = (error: CallError): void => this.#fail(stream, lane, failure(error.code, error));
      const stream = new HandledStream(this.#conversation, peer, lane, n, name, definition, window, failed);
      this.#open.set(n, stream);
      void this.#work(stream, lane, answered, input);
    }
    return true;
  }

  /** `[value, n, value]`, `[credit, n, count]`, `[end, n]`, `[fail, n, code]` or `[stop, n]`. */
  receive(n: number, message: Message, byteLength: number): boolean {
    if (n > this.#last) return false;
    const stream = this.#open.get(n);
    if (stream === undefined) return true;
    const [kind, , first, second] = message;
    const what = `stream ${stream.name}`;
    if (kind === Kind.value) return stream.values.push(first, byteLength);
    if (kind === Kind.credit) {
      if (!isCount(first)) return false;
      stream.pump.addCredit(first);
    } else if (kind === Kind.end) stream.values.end();
    else if (kind === Kind.fail) {
      if (typeof first !== "string") return false;
      void errorFromWire(first, second, {}, what).then((error) =>
        this.#over(stream, error as CallError, true),
      );
    } else if (kind === Kind.stop)
      this.#over(stream, new CallError("ABORTED", `${what}: the other side left it`));
    else return false;
    return true;
  }

  /** The session has ended. */
  end(code: EndCode, message: string): void {
    for (const stream of this.#open.values()) {
      this.#over(stream, new CallError(code, `stream ${stream.name}: ${message}`));
    }
  }

  /** Who opens streams and leaves them has no more handlers at work than who keeps them open. */
  async #work(
    stream: HandledStream,
    lane: Lane,
    answered: Answered<StreamDefinition>,
    input: unknown,
  ): Promise<void> {
    this.#atWork++;
    await this.#handle(stream, lane, answered, input);
    if (stream.pump.leaving !== undefined) await stream.pump.leaving;
    stream.values.drop();
    this.#atWork--;
  }

  async #handle(
    stream: HandledStream,
    lane: Lane,
    { handler, definition }: Answered<StreamDefinition>,
    input: unknown,
  ): Promise<void> {
    const { name } = stream;
    const { side } = this.#conversation;
    try {
      const { issues, ...checked } = await checkValue(definition.input, input);
      if (issues !== undefined) {
        this.#fail(stream, lane, failure("INVALID_INPUT", new CallError("INVALID_INPUT", "", { issues })));
        return;
      }
      if (stream.isOver) return;
      let output = handler((checked as { value?: unknown }).value, stream);
      if (isThenable(output)) output = await output;
      if (definition.down !== undefined) output = await this.#sendDown(stream, output);
      else if (isGenerator(output)) {
        // Nothing of it has run, and nothing of it would.
        const message = `stream ${name}: its handler is a generator, and the contract has no \`down\` for the values`;
        stream.misfit = new CallError("INVALID_OUTPUT", message);
        throw stream.misfit;
      }
      if (stream.isOver) return;
      await this.#finish(stream, lane, output);
    } catch (thrown) {
      if (stream.isOver) {
        // Who stops since its signal says so has not failed.
        if (thrown !== stream.signal.reason) side.report(strayError(name, thrown), stream.peer);
        return;
      }
      const told =
        thrown instanceof CallError && thrown === stream.misfit
          ? failure(thrown.code, thrown)
          : await failureOf(thrown, definition.errors, `stream ${name}`);
      this.#fail(stream, lane, told);
    }
  }

  async #sendDown(stream: HandledStream, values: unknown): Promise<unknown> {
    try {
      return await stream.pump.run(values as AsyncIterable<unknown>);
    } finally {
      stream.misfit ??= stream.pump.misfit;
    }
  }

  async #finish(stream: HandledStream, lane: Lane, output: unknown): Promise<void> {
    const { n, name, definition } = stream;
    const { side } = this.#conversation;
    if (side.checkSent && definition.output !== undefined) {
      const { issues } = await checkValue(definition.output, output);
      if (issues !== undefined) {
        const message = `stream ${name}: what the handler returned does not fit its schema`;
        stream.misfit = new CallError("INVALID_OUTPUT", message, { issues });
        throw stream.misfit;
      }
      if (stream.isOver) return;
    }
    const data = lane.encode([Kind.end, -n, definition.output === undefined ? undefined : output]);
    lane.send(data, { notTaken: () => this.#notTaken(stream, lane) });
    this.#over(stream, new CallError("ABORTED", `stream ${name}: it is over`));
  }

  #fail(stream: HandledStream, lane: Lane, { code, data, report }: Failure): void {
    const { side } = this.#conversation;
    if (report !== undefined) side.report(report, stream.peer);
    if (stream.isOver) return;
    let told: Encoded;
    try {
      told = lane.encode([Kind.fail, -stream.n, code, data]);
    } catch (cause) {
      const message = `stream ${stream.name}: the data of the error ${code} cannot be sent`;
      side.report(new CallError("HANDLER_FAILED", message, { cause }), stream.peer);
      told = lane.encode([Kind.fail, -stream.n, "HANDLER_FAILED"]);
    }
    lane.send(told, { notTaken: () => this.#notTaken(stream, lane) });
    this.#over(stream, new CallError("ABORTED", `stream ${stream.name}: it is over`));
  }

  /** How it ended is longer than the other side takes. */
  #notTaken({ n, name, peer }: HandledStream, lane: Lane): void {
    const message = `stream ${name}: what ends it is longer than the other side takes`;
    this.#conversation.side.report(new CallError("HANDLER_FAILED", message), peer);
    lane.tell([Kind.fail, -n, "HANDLER_FAILED"]);
  }

  /** Nothing more is answered: the other side is told. */
  cancel(): void {
    for (const stream of this.#open.values()) {
      this.#conversation.streams?.tell([Kind.fail, -stream.n, "ABORTED"]);
      this.#over(stream, new CallError("ABORTED", `stream ${stream.name}: this side has ended it`));
    }
  }

  #over(stream: HandledStream, reason: CallError, isBehind = false): void {
    this.#open.delete(stream.n);
    stream.over(reason, isBehind);
  }
}

/** Whether it came of a `function*`, async or not; a stream of Node is none. */
function isGenerator(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value) &&
    typeof (value as { readonly next?: unknown }).next === "function"
  );
}

function strayError(name: string, cause: unknown): CallError {
  return new CallError("HANDLER_FAILED", `stream ${name}: the handler threw after its end`, { cause });
}
