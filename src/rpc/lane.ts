import type { Codec, Encoded } from "../codec/codec.js";
import type { PeerChannel, SendStatus, ToldMessageOptions } from "../session/peer-port.js";
import type { Clock } from "./clock.js";
import { encodeMessage, type Message } from "./message-kind.js";

/** How long to wait where a channel says that there is room and then takes nothing. */
const BACK_OFF_MS = 20;

/** Whose message it is. */
export interface LaneUser {
  /** The other side never takes it: it is too long. */
  notTaken(): void;
  /** It does not wait here any more: it was sent, or never will be. */
  left?(): void;
}

/** What waits for room. */
interface Waiting {
  readonly data: Encoded;
  readonly user: LaneUser | undefined;
}

/**
 * A channel of a session for the messages of a contract. What must not be lost waits here where the channel has no room;
 * how much that is follows from the limits on calls and streams.
 */
export class Lane {
  readonly #channel: PeerChannel;
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #wasLive: () => boolean;
  #waiting: Waiting[] = [];
  /** Resolves when nothing waits any more; undefined if nothing does. */
  #draining: Promise<void> | undefined;
  /** Whether the other side takes nothing of it any more. */
  isRefused = false;

  /** @param wasLive whether it is known by now how long a message may be. */
  constructor(channel: PeerChannel, codec: Codec, clock: Clock, wasLive: () => boolean) {
    this.#channel = channel;
    this.#codec = codec;
    this.#clock = clock;
    this.#wasLive = wasLive;
  }

  /** The other side refuses it. */
  refused(): void {
    this.isRefused = true;
    this.#drop();
  }

  /** Makes a message; what the codec throws is the caller's to catch. */
  encode(message: Message): Encoded {
    return encodeMessage(this.#codec, message);
  }

  /** Sends if there is room. A message does not overtake those that wait. */
  offer(data: Encoded, user?: LaneUser): SendStatus {
    if (this.isRefused) return "closed";
    return this.#waiting.length > 0 ? "dropped" : this.#give(data, user);
  }

  #give(data: Encoded, user: LaneUser | undefined): SendStatus {
    const options: ToldMessageOptions | undefined =
      user === undefined || this.#wasLive() ? undefined : { tooLong: () => user.notTaken() };
    const status = this.#channel.send(data, options);
    if (status === "too-long") user?.notTaken();
    return status;
  }

  /**
   * Sends now or when there is room. False if the channel is closed: then it never arrives.
   * @param user told of a message that is never taken, now or when its turn comes.
   */
  send(data: Encoded, user?: LaneUser): boolean {
    const status = this.offer(data, user);
    if (status !== "dropped") user?.left?.();
    else {
      this.#waiting.push({ data, user });
      this.#draining ??= this.#drain();
    }
    return status !== "closed";
  }

  /** Takes back a message that still waits here: it is not sent. False if it has left, or never waited. */
  withdraw(user: LaneUser): boolean {
    const at = this.#waiting.findIndex((waiting) => waiting.user === user);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  /** As {@link send}, for a message of numbers and names, which every codec can encode. */
  tell(message: Message): void {
    this.send(this.encode(message));
  }

  /** Resolves when nothing waits here any more, sent or not; undefined where nothing does. */
  drained(): Promise<void> | undefined {
    return this.#draining;
  }

  /** Resolves with whether anything can be sent, now or when there is room; false if the session has ended. */
  isOpen(): Promise<boolean> {
    return this.#channel.ready();
  }

  /** Waits until there is room; not at all where nothing waits. */
  room(): undefined | Promise<boolean> {
    return this.#waiting.length === 0 && this.#channel.queuedBytes === 0 ? undefined : this.#channel.ready();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0 && (await this.#channel.ready())) {
      let isFull = true;
      for (let next = this.#waiting[0]; next !== undefined && this.#take(next); next = this.#waiting[0]) {
        isFull = false;
        // Whoever was told of it may have taken others back, or it was refused with all the rest.
        if (this.#waiting[0] === next) this.#waiting.shift();
      }
      if (isFull) await new Promise<void>((resolve) => this.#clock.after(BACK_OFF_MS, resolve));
    }
    this.#draining = undefined;
    this.#drop();
  }

  /** Nothing of what waits is sent. */
  #drop(): void {
    for (const { user } of this.#waiting.splice(0)) user?.left?.();
  }

  /** Whether a message is done with: sent, or never to be. */
  #take({ data, user }: Waiting): boolean {
    const isDone = this.#give(data, user) !== "dropped";
    if (isDone) user?.left?.();
    return isDone;
  }
}
