import type { ChannelOptions, OverflowPolicy } from "../peer-port.js";
import { DRAIN_ABOVE_BYTES } from "../transport-port.js";
import { MessageQueue, type WaitingMessages } from "./message-queue.js";
import type { QueuedMessage } from "./queued-message.js";

/** A channel as its sender sees it. Opened by `session.openChannel`; the fields are the session's to change, but for `data`. */
export class OutgoingChannel {
  // What each message looks at comes first.
  /** @internal How much was sent, each message counting 64 more. */
  sent = 0;
  /** @internal How much may be sent. */
  limit: number;
  /** @internal What waits: a `MessageQueue`, but for a client, which has a machine of its own and a list. */
  queue: WaitingMessages = NO_MESSAGES;
  /** Whether nothing can be sent on it any more: closed here, or refused by the other side. */
  isClosed = false;
  /** Its name; empty for the one that every session has. */
  readonly name: string;
  /** Its number on the wire. */
  readonly number: number;
  /** What happens at the limit. */
  readonly policy: OverflowPolicy;
  /** How much may wait to be sent, in bytes, each message counting 64 more. */
  readonly maxQueuedBytes: number;
  /** From how many waiting bytes on `send` says `queued`. */
  readonly highWaterMarkBytes: number;
  /** How many bytes wait to be sent, each message counting 64 more. */
  queuedBytes = 0;
  /** How many messages were dropped, for want of room. */
  dropped = 0;
  /** Yours: what the layer above keeps with it, such as who waits for room. */
  data: unknown = undefined;
  /** @internal What waits, by its key, where one may replace another. */
  keys: Map<string, QueuedMessage> | undefined;
  /** @internal The number of the record that closed it; 0 while there is none. */
  closedBy = 0;

  /** @internal Made by the session. */
  constructor(name: string, number: number, options: ChannelOptions, maxQueuedBytes: number, limit: number) {
    this.name = name;
    this.number = number;
    this.policy = options.policy ?? "block";
    this.keys = this.policy === "latest-per-key" ? new Map() : undefined;
    this.maxQueuedBytes = options.maxQueuedBytes ?? maxQueuedBytes;
    this.highWaterMarkBytes = options.highWaterMarkBytes ?? DRAIN_ABOVE_BYTES;
    this.limit = limit;
  }
}

/** The queue of all channels on which nothing ever waited. Nothing is put into it. */
export const NO_MESSAGES: MessageQueue = new MessageQueue();
