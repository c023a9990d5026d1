import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { RelayHost } from "./relay-host.js";
import { Retries } from "./retries.js";

/** What is told of a {@link Finding}. */
export interface FindingUser {
  readonly host: RelayHost;
  /** The question goes out, again or for the first time. */
  lookFor(finding: Finding): void;
  /** Nobody has answered. */
  notFound(finding: Finding): void;
}

/** All nodes are asked who has something. */
export class Finding implements TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly number: number;
  /** What is looked for: one of `Findable`. */
  readonly what: number;
  readonly id: Uint8Array;
  /** Called with the name of the node that has it, as a key; with undefined if none said so. */
  readonly done: (node: string | undefined) => void;
  readonly retries: Retries;
  readonly #user: FindingUser;

  constructor(
    user: FindingUser,
    number: number,
    what: number,
    id: Uint8Array,
    timeoutMs: number,
    done: (node: string | undefined) => void,
  ) {
    this.#user = user;
    this.number = number;
    this.what = what;
    this.id = id;
    this.done = done;
    this.retries = new Retries(user.host.nowMs(), timeoutMs);
    user.host.schedule(this, this.retries.dueMs);
  }

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    const due = this.retries.due(nowMs);
    if (due === "again") this.#user.lookFor(this);
    if (due !== "over") return this.retries.dueMs;
    this.#user.notFound(this);
    return Infinity;
  }
}
