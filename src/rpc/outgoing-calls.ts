import type { Encoded } from "../codec/codec.js";
import { checkValue, type SchemaResult } from "../codec/standard-schema.js";
import { countOption } from "../core/count-option.js";
import type { CallErrorCode } from "../core/error-codes.js";
import { isThenable } from "../core/is-thenable.js";
import { CallError } from "./call-error.js";
import type { CallNumbers } from "./call-numbers.js";
import type { CallSettings } from "./contract-types.js";
import type { DeadlineEntry } from "./deadlines.js";
import type { CallDefinition } from "./definitions.js";
import { errorFromWire } from "./failure.js";
import type { Lane, LaneUser } from "./lane.js";
import { isCount, Kind, type Message } from "./message-kind.js";
import type { ConversationPort, EndCode } from "./parts.js";

/** A call of this side, until its promise is settled. */
class PendingCall implements DeadlineEntry, LaneUser {
  readonly name: string;
  readonly definition: CallDefinition;
  readonly settings: CallSettings;
  readonly deadlineMs: number;
  readonly calls: OutgoingCalls;
  readonly promise: Promise<unknown>;
  /** 0 until the input was checked. */
  n = 0;
  /** The message, kept to be sent again as it is. */
  data: Encoded | undefined;
  /** Whether it may have left this side, in this session or in one before. */
  wasSent = false;
  /** Whether the session in which it was first sent is the one that there is. */
  isNew = false;
  isSettled = false;
  resolve!: (value: unknown) => void;
  reject!: (error: Error) => void;
  readonly aborted = (): void =>
    this.calls.giveUp(this, "ABORTED", "cancelled", this.settings.signal?.reason);

  constructor(
    calls: OutgoingCalls,
    name: string,
    definition: CallDefinition,
    settings: CallSettings,
    deadlineMs: number,
  ) {
    this.calls = calls;
    this.name = name;
    this.definition = definition;
    this.settings = settings;
    this.deadlineMs = deadlineMs;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  notTaken(): void {
    this.calls.notTaken(this);
  }

  deadlineOver(): void {
    this.calls.giveUp(this, "DEADLINE_EXCEEDED", "no answer within the deadline");
  }
}

/** The calls that this side makes; those of a client outlive its sessions. */
export class OutgoingCalls {
  readonly #conversation: ConversationPort;
  /** By number, which rises. */
  readonly #pending = new Map<number, PendingCall>();
  /**
   * Those that were never sent, while nothing carries the session: they are not given to it before, since it does not give back
   * what it has. By number as well.
   */
  readonly #unsent = new Set<PendingCall>();
  /** How many there are, also of those that have no number yet. */
  #count = 0;
  readonly #numbers: CallNumbers;
  /** `highestSent` when this session began. */
  #sentBefore = 0;
  /** Whether the hello of this session was said here. */
  #hasGreeted = false;

  constructor(conversation: ConversationPort) {
    this.#conversation = conversation;
    this.#numbers = conversation.numbers;
  }

  /** @throws UsageError `INVALID_OPTION` for a deadline that is no number. */
  make(
    name: string,
    definition: CallDefinition,
    input: unknown,
    settings: CallSettings = {},
  ): Promise<unknown> {
    const { side, isClosed, deadlines } = this.#conversation;
    const waitMs = countOption(settings, "deadlineMs", side.limits.deadlineMs);
    const call = new PendingCall(this, name, definition, settings, side.clock.nowMs() + waitMs);
    const { signal } = settings;
    signal?.addEventListener("abort", call.aborted); // throws for what is none: nothing is counted before
    this.#count++;
    if (signal?.aborted === true) call.aborted();
    else if (isClosed) this.giveUp(call, "SESSION_CLOSED", "the session is closed");
    else if (this.#count > side.limits.maxPendingCalls) {
      this.giveUp(call, "TOO_MANY_CALLS", "as many calls wait for an answer as maxPendingCalls allows");
    } else {
      deadlines.add(call);
      const checked = side.checkSent ? checkValue(definition.input, input) : VALID;
      if (isThenable(checked)) void checked.then((settled) => this.#checked(call, input, settled));
      else this.#checked(call, input, checked);
    }
    return call.promise;
  }

  /** A session begins: what waits is sent, and what was sent and not answered is sent again. */
  begin(): void {
    this.#sentBefore = this.#numbers.highestSent;
    this.#hasGreeted = false;
    this.#unsent.clear();
    for (const call of this.#pending.values()) this.#send(call);
  }

  /** The session has ended, and nothing of it ever left this side: what was sent in it was not sent. */
  takeBack(): void {
    const numbers = this.#numbers;
    if (this.#hasGreeted) numbers.sessions--;
    numbers.highestSent = this.#sentBefore;
    for (const call of this.#pending.values()) {
      if (call.isNew) call.wasSent = false;
    }
  }

  /** Something carries the session, or what is to come behind them is sent: those that were not are. */
  sendUnsent(): void {
    if (this.#conversation.main === undefined) return;
    for (const call of this.#unsent) {
      this.#unsent.delete(call);
      try {
        this.#give(call, this.#conversation.main);
      } catch (cause) {
        this.giveUp(call, "INVALID_INPUT", CANNOT_BE_SENT, cause);
      }
    }
  }

  /** The other side takes no calls: nothing that was sent in this session ran, if nothing was heard of it. */
  refused(why: string, wasHeard: boolean): void {
    for (const call of [...this.#pending.values()]) {
      if (call.isNew && !wasHeard) call.wasSent = false;
      this.giveUp(call, "SESSION_CLOSED", why);
    }
  }

  /** A session has ended; `isLast` if there will be no other. */
  end(isLast: boolean, code: EndCode, message: string): void {
    for (const call of [...this.#pending.values()]) {
      call.isNew = false;
      if (isLast || (call.wasSent && call.settings.retry === false)) this.giveUp(call, code, message);
    }
  }

  /** `[result, n, output]`. False if it breaks the rules. */
  result([, n, output]: Message): boolean {
    if (!isCount(n) || n >= this.#numbers.nextCall) return false;
    const call = this.#pending.get(n);
    if (call === undefined) return true;
    this.#forget(call);
    const checked = checkValue(call.definition.output, output);
    if (isThenable(checked)) void checked.then((settled) => this.#received(call, settled));
    else this.#received(call, checked);
    return true;
  }

  /** `[error, n, code, data]`. False if it breaks the rules. */
  error([, n, code, data]: Message): boolean {
    if (!isCount(n) || n >= this.#numbers.nextCall || typeof code !== "string") return false;
    const call = this.#pending.get(n);
    if (call === undefined) return true;
    this.#forget(call);
    void errorFromWire(code, data, call.definition.errors, `call ${call.name}`).then(call.reject);
    return true;
  }

  /** Nobody waits any more. */
  giveUp(call: PendingCall, code: CallErrorCode, why: string, cause?: unknown): void {
    if (call.isSettled) return;
    this.#forget(call);
    const { main } = this.#conversation;
    // What still waits for room is not to be kept until there is some; and has not run, if it was sent nowhere else.
    if (main?.withdraw(call) === true && call.isNew) call.wasSent = false;
    if (call.wasSent) main?.tell([Kind.cancel, call.n]);
    call.reject(new CallError(code, `call ${call.name}: ${why}`, { mayHaveRun: call.wasSent, cause }));
  }

  /** Its message is longer than the other side takes. */
  notTaken(call: PendingCall): void {
    if (call.isSettled) return;
    this.#forget(call);
    const mayHaveRun = call.wasSent && !call.isNew;
    call.reject(new CallError("INVALID_INPUT", `call ${call.name}: the input is too long`, { mayHaveRun }));
  }

  #checked(call: PendingCall, input: unknown, { issues }: SchemaResult<unknown>): void {
    if (call.isSettled) return;
    const { name, deadlineMs } = call;
    if (issues !== undefined) {
      this.#forget(call);
      call.reject(
        new CallError("INVALID_INPUT", `call ${name}: the input does not fit its schema`, { issues }),
      );
      return;
    }
    if (this.#conversation.isClosed) {
      this.giveUp(call, "SESSION_CLOSED", "the session is closed");
      return;
    }
    call.n = this.#numbers.nextCall++;
    this.#pending.set(call.n, call);
    const waitMs = Math.ceil(deadlineMs - this.#conversation.side.clock.nowMs());
    const [settledBelow] = this.#pending.keys();
    // A sum of large numbers is rounded, and may be larger than what the format takes.
    const deadline = waitMs === Infinity ? null : Math.min(Math.max(0, waitMs), Number.MAX_SAFE_INTEGER);
    try {
      call.data = this.#conversation.encode([Kind.call, call.n, name, deadline, settledBelow, input]);
      this.#send(call);
    } catch (cause) {
      this.giveUp(call, "INVALID_INPUT", CANNOT_BE_SENT, cause);
    }
  }

  #send(call: PendingCall): void {
    const { main, peer } = this.#conversation;
    if (main === undefined) return;
    if (!call.wasSent && peer.state !== "live") {
      this.#unsent.add(call);
      return;
    }
    if (!call.wasSent) this.sendUnsent();
    this.#give(call, main);
  }

  #give(call: PendingCall, main: Lane): void {
    const numbers = this.#numbers;
    if (numbers.key !== undefined && !numbers.saidHello) {
      numbers.saidHello = this.#hasGreeted = true;
      main.tell([Kind.hello, numbers.key, ++numbers.sessions, numbers.highestSent + 1]);
    }
    if (main.send(call.data!, call)) {
      call.isNew ||= !call.wasSent;
      call.wasSent = true;
      numbers.highestSent = Math.max(numbers.highestSent, call.n);
    } else this.giveUp(call, "SESSION_CLOSED", "the other side does not take it");
  }

  #received(call: PendingCall, { issues, value }: SchemaResult<unknown> & { value?: unknown }): void {
    if (issues === undefined) call.resolve(value);
    else {
      const message = `call ${call.name}: the output does not fit its schema`;
      call.reject(new CallError("INVALID_OUTPUT", message, { issues }));
    }
  }

  #forget(call: PendingCall): void {
    call.isSettled = true;
    this.#count--;
    this.#pending.delete(call.n);
    this.#unsent.delete(call);
    this.#conversation.deadlines.remove(call);
    call.settings.signal?.removeEventListener("abort", call.aborted);
  }
}

const CANNOT_BE_SENT = "the input cannot be sent";
const VALID: SchemaResult<undefined> = { value: undefined };
