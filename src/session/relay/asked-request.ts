import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { RelayHost } from "./relay-host.js";
import { RelayMessageType } from "./relay-message.js";
import type { RelayPeer } from "./relay-peer.js";
import { Retries } from "./retries.js";

/** What became of a request that another node was asked: its answer, or that nobody answers. */
export type AskedResult =
  | { readonly status: number; readonly body: Uint8Array }
  /** No node has this transport. */
  | "gone"
  /** Nothing comes from the broker. */
  | "silent"
  /** Too many are asked already. */
  | "full";

/** What is told of an {@link AskedRequest}. */
export interface AskedRequestUser {
  readonly host: RelayHost;
  /** The request goes out, again or for the first time. */
  asked(): void;
  hasHeardSince(timeMs: number): boolean;
  /** It is over. */
  answered(request: AskedRequest): void;
}

/** A request of an HTTP transport that another node has: asked there, and asked again, until it says that it has it. */
export class AskedRequest implements TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly number: number;
  readonly peer: RelayPeer;
  readonly #user: AskedRequestUser;
  readonly #done: (result: AskedResult) => void;
  readonly #retries: Retries;
  readonly #longestMs: number;
  #body: Uint8Array | undefined;
  #isOver = false;

  /** @param longestMs how long the other node may have it before it answers. */
  constructor(
    user: AskedRequestUser,
    number: number,
    peer: RelayPeer,
    body: Uint8Array,
    timeoutMs: number,
    longestMs: number,
    done: (result: AskedResult) => void,
  ) {
    this.#user = user;
    this.number = number;
    this.peer = peer;
    this.#body = body;
    this.#longestMs = longestMs;
    this.#done = done;
    this.#retries = new Retries(user.host.nowMs(), timeoutMs);
    this.#ask(body);
  }

  #ask(body: Uint8Array): void {
    this.#user.asked();
    this.peer.say(RelayMessageType.request, this.number, body);
    this.#user.host.schedule(this, this.#retries.dueMs);
  }

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    if (this.#body !== undefined) {
      const due = this.#retries.due(nowMs);
      if (due === "again") this.#ask(this.#body);
      if (due !== "over") return this.#retries.dueMs;
    }
    this.fail();
    return Infinity;
  }

  /** The other node has it, and will answer. */
  held(): void {
    if (this.#body === undefined) return;
    this.#body = undefined;
    const { host } = this.#user;
    host.schedule(this, host.nowMs() + this.#longestMs);
  }

  /** The answer. */
  end(result: AskedResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body = undefined;
    this.#user.host.unschedule(this);
    this.#user.answered(this);
    this.#done(result);
  }

  /** Nobody answers. */
  fail(): void {
    this.end(this.#user.hasHeardSince(this.#retries.startedMs) ? "gone" : "silent");
  }

  /** Nobody wants the answer any more. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body = undefined;
    this.#user.host.unschedule(this);
    this.peer.say(RelayMessageType.cancel, this.number);
    this.#user.answered(this);
  }
}
