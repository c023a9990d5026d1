import type { Encoded } from "../codec/codec.js";
import { checkValue, type SchemaResult } from "../codec/standard-schema.js";
import { isThenable } from "../core/is-thenable.js";
import type { Peer } from "../session/peer-port.js";
import { CallError } from "./call-error.js";
import type { CallLedger, LedgerEntry } from "./call-ledgers.js";
import type { Answered } from "./contract-side.js";
import type { DeadlineEntry } from "./deadlines.js";
import type { CallDefinition } from "./definitions.js";
import { type Failure, failure, failureOf } from "./failure.js";
import { HandlerTask } from "./handler-task.js";
import type { LaneUser } from "./lane.js";
import { isCount, isDeadline, Kind, type Message } from "./message-kind.js";
import type { ConversationPort, IncomingCallsPart } from "./parts.js";

/** A call of the other side, from its arrival to its outcome. It is what the handler is told with. */
class IncomingCall extends HandlerTask implements LedgerEntry, DeadlineEntry, LaneUser {
  readonly n: number;
  readonly answered: Answered<CallDefinition>;
  readonly deadlineMs: number;
  readonly ledger: CallLedger | undefined;
  /** Those of its session that run, or whose outcome waits to be sent. */
  readonly running: Set<IncomingCall>;
  /** None as long as it runs: then its outcome takes its place. */
  readonly outcome = undefined;
  isDone = false;
  /** Whether its session was reset, and it goes on without one. */
  isLeft = false;
  /** Who gets the outcome: the client may have come back in another session. */
  replyTo: ConversationPort;

  constructor(
    conversation: ConversationPort,
    peer: Peer,
    n: number,
    name: string,
    answered: Answered<CallDefinition>,
    deadlineMs: number,
    ledger: CallLedger | undefined,
    running: Set<IncomingCall>,
  ) {
    super(conversation, peer, name);
    this.n = n;
    this.answered = answered;
    this.deadlineMs = deadlineMs;
    this.ledger = ledger;
    this.running = running;
    this.replyTo = conversation;
  }

  get callId(): string | undefined {
    return this.ledger === undefined ? undefined : `${this.ledger.key}/${this.n}`;
  }

  get remainingMs(): number {
    return Math.max(0, this.deadlineMs - this.conversation.side.clock.nowMs());
  }

  left(): void {
    this.running.delete(this);
  }

  notTaken(): void {
    const text = `call ${this.name}: the outcome is longer than the other side takes`;
    this.conversation.side.report(new CallError("HANDLER_FAILED", text), this.peer);
    this.replyTo.reply(this.replyTo.encode([Kind.error, this.n, "HANDLER_FAILED"]));
  }

  deadlineOver(): void {
    this.abort(new CallError("DEADLINE_EXCEEDED", `call ${this.name}: the deadline of the caller is over`));
  }

  protected override watched(): void {
    if (!this.isDone) this.conversation.deadlines.add(this);
  }
}

/** The calls that the other side makes on one session. */
export class IncomingCalls implements IncomingCallsPart {
  readonly #conversation: ConversationPort;
  /** Those that run here, and those whose outcome waits to be sent: who does not read makes no others run. */
  readonly #running = new Set<IncomingCall>();
  #ledger: CallLedger | undefined;
  #session = 0;

  constructor(conversation: ConversationPort) {
    this.#conversation = conversation;
  }

  /** `[hello, key, session, next]`. False if it breaks the rules. */
  hello([, key, session, next]: Message): boolean {
    const { ledgers } = this.#conversation.side;
    if (typeof key !== "string" || key.length > 64 || !isCount(session) || !isCount(next)) return false;
    if (ledgers === undefined || this.#ledger !== undefined) return false;
    this.#ledger = ledgers.begin(key, session, next);
    this.#session = session;
    return true;
  }

  /** `[call, n, name, deadlineMs, settledBelow, input]`. False if it breaks the rules. */
  call([, n, name, deadlineMs, settledBelow, input]: Message): boolean {
    if (!isCount(n) || typeof name !== "string" || !isDeadline(deadlineMs) || !isCount(settledBelow))
      return false;
    const { side, peer } = this.#conversation;
    const answered = side.calls.get(name);
    const ledger = this.#ledger;
    if (ledger !== undefined) {
      const known = ledger.calls.get(n);
      if (known !== undefined) {
        if (known instanceof IncomingCall) known.replyTo = this.#conversation;
        else if (known.outcome !== undefined)
          this.#conversation.reply(known.outcome, { notTaken: () => this.#refuse(n, "HANDLER_FAILED") });
        return true;
      }
      side.ledgers!.settle(ledger, settledBelow);
      if (n < ledger.unknownBelow && answered?.definition.idempotent !== true) {
        this.#refuse(n, "OUTCOME_UNKNOWN");
        return true;
      }
    }
    if (answered === undefined) this.#refuse(n, "UNKNOWN_NAME");
    else if (this.#running.size >= side.limits.maxConcurrentCalls) this.#refuse(n, "TOO_MANY_CALLS");
    else {
      const waitMs = Math.min(deadlineMs ?? Infinity, side.limits.maxDeadlineMs);
      const endMs = side.clock.nowMs() + waitMs;
      const call = new IncomingCall(
        this.#conversation,
        peer,
        n,
        name,
        answered,
        endMs,
        ledger,
        this.#running,
      );
      this.#running.add(call);
      ledger?.calls.set(n, call);
      this.#start(call, input);
    }
    return true;
  }

  /** `[cancel, n]`. False if it breaks the rules. */
  cancel([, n]: Message): boolean {
    if (!isCount(n)) return false;
    const call = this.#ledger?.calls.get(n) ?? this.#find(n);
    if (call instanceof IncomingCall && !call.isDone) {
      call.abort(new CallError("ABORTED", `call ${call.name}: the caller cancelled it`));
    }
    return true;
  }

  /**
   * The session has ended. After a reset, what runs goes on, for the client may come back and ask for the outcome; as long as that
   * are not too many.
   */
  end(isReset: boolean): void {
    const ledger = this.#ledger;
    if (ledger !== undefined) {
      const ledgers = this.#conversation.side.ledgers!;
      if (isReset) ledgers.park(ledger, this.#session);
      else ledgers.forget(ledger, this.#session);
      this.#ledger = undefined;
      if (isReset) {
        for (const call of this.#running) if (!call.isDone) call.isLeft = ledgers.leave();
      }
    }
    for (const call of this.#running) {
      if (call.isDone || call.isLeft) continue;
      call.abort(new CallError("SESSION_CLOSED", `call ${call.name}: the session has ended`));
    }
  }

  #find(n: number): IncomingCall | undefined {
    for (const call of this.#running) {
      if (call.n === n) return call;
    }
    return undefined;
  }

  #refuse(n: number, code: string): void {
    this.#conversation.reply(this.#conversation.encode([Kind.error, n, code]));
  }

  #start(call: IncomingCall, input: unknown): void {
    const checked = checkValue(call.answered.definition.input, input);
    if (isThenable(checked)) void checked.then((settled) => this.#run(call, settled));
    else this.#run(call, checked);
  }

  #run(call: IncomingCall, { issues, value }: SchemaResult<unknown> & { value?: unknown }): void {
    if (issues !== undefined) {
      this.#fail(call, failure("INVALID_INPUT", new CallError("INVALID_INPUT", "", { issues })));
      return;
    }
    try {
      const returned = call.answered.handler(value, call);
      if (isThenable(returned)) {
        returned.then(
          (output) => this.#returned(call, output),
          (thrown) => void this.#threw(call, thrown),
        );
      } else this.#returned(call, returned);
    } catch (thrown) {
      void this.#threw(call, thrown);
    }
  }

  #returned(call: IncomingCall, output: unknown): void {
    const { definition } = call.answered;
    if (definition.output === undefined) this.#conclude(call, [Kind.result, call.n]);
    else if (!this.#conversation.side.checkSent) this.#conclude(call, [Kind.result, call.n, output]);
    else {
      const checked = checkValue(definition.output, output);
      if (isThenable(checked)) void checked.then((settled) => this.#checked(call, output, settled));
      else this.#checked(call, output, checked);
    }
  }

  #checked(call: IncomingCall, output: unknown, { issues }: SchemaResult<unknown>): void {
    if (issues === undefined) {
      this.#conclude(call, [Kind.result, call.n, output]);
      return;
    }
    const message = `call ${call.name}: what the handler returned does not fit its schema`;
    this.#fail(call, {
      code: "INVALID_OUTPUT",
      report: new CallError("INVALID_OUTPUT", message, { issues }),
    });
  }

  async #threw(call: IncomingCall, thrown: unknown): Promise<void> {
    const { errors } = call.answered.definition;
    const told = await failureOf(thrown, errors, `call ${call.name}`);
    // Who stops since its signal says so has not failed.
    this.#fail(call, call.isAborted && thrown === call.signal.reason ? { code: "ABORTED" } : told);
  }

  #fail(call: IncomingCall, { code, data, report }: Failure): void {
    if (report !== undefined) this.#conversation.side.report(report, call.peer);
    this.#conclude(call, [Kind.error, call.n, code, data]);
  }

  #conclude(call: IncomingCall, message: Message): void {
    const conversation = call.replyTo;
    const { ledgers } = conversation.side;
    let outcome: Encoded;
    try {
      outcome = conversation.encode(message);
      conversation.reply(outcome, call);
    } catch (cause) {
      const text = `call ${call.name}: the outcome cannot be sent`;
      conversation.side.report(new CallError("HANDLER_FAILED", text, { cause }), call.peer);
      outcome = conversation.encode([Kind.error, call.n, "HANDLER_FAILED"]);
      conversation.reply(outcome);
      call.left();
    }
    this.#conversation.deadlines.remove(call);
    call.isDone = true;
    if (call.isLeft) ledgers!.left();
    if (call.ledger !== undefined) ledgers!.done(call.ledger, call.n, outcome);
  }
}
