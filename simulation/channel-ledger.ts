import type { OverflowPolicy, UnconfirmedMessage } from "#session/peer-port.js";

/** What one side sent on one channel of one session, and what the other side was given of it. */
export class ChannelLedger {
  readonly name: string;
  readonly policy: OverflowPolicy;
  /** The messages that were taken, by their numbers in the order of sending: what is in them. */
  readonly accepted = new Map<number, string>();
  #next = 0;
  /** How many were dropped after they had been taken. */
  droppedLate = 0;
  /** How many that were too long for the other side were taken, since that was not known yet. */
  tooLong = 0;
  readonly delivered = new Set<number>();
  /** For `latest-per-key`, where one message takes the place of another: under which key each was sent. */
  readonly keys = new Map<number, string>();
  readonly #lastOfKey = new Map<string, number>();
  #lastDelivered = -1;
  #gaps = 0;
  /** The other side does not want it. */
  isRefused = false;
  /** There were more than the other side takes when it was opened. */
  isOneTooMany = false;
  /** Whether the other side has it. */
  wasOpened = false;
  isClosed = false;
  /** Whether `ready` is owed. */
  owesReady = false;
  unconfirmed: Set<number> | undefined = undefined;

  constructor(name: string, policy: OverflowPolicy) {
    this.name = name;
    this.policy = policy;
  }

  /** Whether the other side may have refused it by itself. */
  get isLeftOut(): boolean {
    return this.isOneTooMany && !this.wasOpened;
  }

  /** The number of the next message. */
  next(): number {
    return this.#next++;
  }

  /** The other side's handler was given a message. Returns what is wrong with that. */
  deliver(content: string): string | undefined {
    const number = numberOf(content);
    const accepted = this.accepted.get(number);
    if (accepted === undefined) return `message ${number} of "${this.name}" was never taken`;
    if (accepted !== content) return `message ${number} of "${this.name}" was changed`;
    if (this.delivered.has(number)) return `message ${number} of "${this.name}" came twice`;
    if (this.policy === "latest-per-key") {
      const key = this.keys.get(number)!;
      const last = this.#lastOfKey.get(key) ?? -1;
      if (number < last) return `message ${number} of "${this.name}" came behind ${last} of the same key`;
      this.#lastOfKey.set(key, number);
      this.delivered.add(number);
      return undefined;
    }
    if (number < this.#lastDelivered)
      return `message ${number} of "${this.name}" came behind ${this.#lastDelivered}`;
    for (let missing = this.#lastDelivered + 1; missing < number; missing++) {
      if (this.accepted.has(missing)) this.#gaps++;
    }
    if (this.#gaps > this.droppedLate)
      return `"${this.name}" has a gap before ${number}: ${this.#gaps} missing, ${this.droppedLate} dropped`;
    this.#lastDelivered = number;
    this.delivered.add(number);
    return undefined;
  }

  /** Its sender was told what was not confirmed. Returns what is wrong with that. */
  told(messages: readonly UnconfirmedMessage[]): string | undefined {
    this.unconfirmed = new Set();
    let last = -1;
    for (const { data, id } of messages) {
      const content = contentOf(data, id);
      const number = numberOf(content);
      if (this.accepted.get(number) !== content)
        return `unconfirmed ${number} of "${this.name}" was never sent so`;
      if (number <= last && this.policy !== "latest-per-key")
        return `unconfirmed ${number} of "${this.name}" is not in order`;
      last = number;
      this.unconfirmed.add(number);
    }
    return undefined;
  }

  /** What is wrong when all has ended, and its sender was told what was not confirmed. */
  problem(): string | undefined {
    if (this.isRefused || this.unconfirmed === undefined || this.isLeftOut) return undefined;
    let missing = 0;
    for (const number of this.accepted.keys()) {
      if (!this.delivered.has(number) && !this.unconfirmed.has(number)) missing++;
    }
    if (missing !== this.droppedLate)
      return `of "${this.name}" ${missing} are gone, and ${this.droppedLate} were said to be dropped`;
    const isExact = this.policy !== "drop-oldest" && this.policy !== "latest-per-key";
    if (isExact && this.droppedLate > this.tooLong)
      return `"${this.name}" with ${this.policy} drops what it took`;
    return undefined;
  }
}

/** A message as one string. It begins with its number. */
export function contentOf(data: string | Uint8Array, id: Uint8Array | undefined): string {
  const body = typeof data === "string" ? `t${data}` : `b${Buffer.from(data).toString("latin1")}`;
  return id === undefined ? body : `${body}#${Buffer.from(id).toString("hex")}`;
}

function numberOf(content: string): number {
  return Number.parseInt(content.slice(1), 10);
}
