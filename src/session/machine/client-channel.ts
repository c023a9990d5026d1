import { cannotBe } from "../../core/cannot-be.js";
import type {
  ChannelOptions,
  MessageOptions,
  OverflowPolicy,
  PeerChannel,
  SendStatus,
} from "../peer-port.js";
import { DRAIN_ABOVE_BYTES } from "../transport-port.js";
import { checkMessage } from "./check-message.js";
import { OVERFLOW_POLICIES } from "./overflow-policies.js";
import type { QueuedMessage } from "./queued-message.js";

/** The session of a channel. */
export interface ChannelUser {
  /** Until when it is to be closed in order, and so takes nothing more; Infinity while it is not. */
  readonly closeDueMs: number;
  send(channel: ClientChannel, data: string | Uint8Array, options?: MessageOptions): SendStatus;
  closeChannel(channel: ClientChannel): void;
}

/** A message of a client that waits, or that is not confirmed. */
export interface ClientMessage extends QueuedMessage {
  readonly data: Uint8Array;
  readonly channel: ClientChannel;
  readonly tooLong: (() => void) | undefined;
}

/** A channel of a client's session, for whoever sends on it. What is internal is the session's to change. */
export class ClientChannel implements PeerChannel {
  declare readonly name: string;
  /** Its number on the wire. */
  declare readonly number: number;
  /** What happens at the limit. */
  declare readonly policy: OverflowPolicy;
  /** How much may wait to be sent, in bytes, each message counting 64 more. */
  declare readonly maxQueuedBytes: number;
  /** From how many waiting bytes on `send` says `queued`. */
  declare readonly highWaterMarkBytes: number;
  queuedBytes = 0;
  dropped = 0;
  /** Whether nothing can be sent on it any more: closed here, refused by the other side, or the session has ended. */
  isClosed = false;
  /** @internal How much was sent, each message counting 64 more. */
  sent = 0;
  /** @internal How much may be sent. */
  declare limit: number;
  /** @internal What waits. */
  queue: ClientMessage[] = [];
  /** @internal The number of the record that closed it; 0 while there is none. */
  closedBy = 0;
  /** @internal For how much its sender waits: 0 for less than the mark, undefined for nothing. */
  wanted: number | undefined;
  declare data: unknown;
  declare readonly keys: undefined;
  readonly #user: ChannelUser;
  #waiters: ((hasRoom: boolean) => void)[] = [];

  /** @internal Made by the session. */
  constructor(
    user: ChannelUser,
    name: string,
    number: number,
    mostBytes: number,
    { policy = "block", maxQueuedBytes = mostBytes, highWaterMarkBytes = DRAIN_ABOVE_BYTES }: ChannelOptions,
    limit: number,
  ) {
    if (!OVERFLOW_POLICIES.includes(policy)) throw cannotBe("INVALID_OPTION", "policy", policy);
    for (const [name, value] of Object.entries({ maxQueuedBytes, highWaterMarkBytes })) {
      if (!(value >= 0)) throw cannotBe("INVALID_OPTION", name, value);
    }
    this.#user = user;
    this.name = name;
    this.number = number;
    this.policy = policy;
    this.maxQueuedBytes = maxQueuedBytes;
    this.highWaterMarkBytes = highWaterMarkBytes;
    this.limit = limit;
  }

  send(data: string | Uint8Array, options?: MessageOptions): SendStatus {
    checkMessage(data, options?.id);
    return this.#user.send(this, data, options);
  }

  ready(): Promise<boolean> {
    return new Promise((resolve) => {
      const isOpen = !this.isClosed && this.#user.closeDueMs === Infinity;
      if (isOpen && this.wanted !== undefined) this.#waiters.push(resolve);
      else resolve(isOpen);
    });
  }

  close(): void {
    this.#user.closeChannel(this);
  }

  /** @internal There is room, or never will be. */
  tell(hasRoom: boolean): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.wanted = undefined;
    for (const waiter of waiters) waiter(hasRoom);
  }
}
