import type { OverflowPolicy } from "../peer-port.js";
import type { QueuedMessage } from "./queued-message.js";

/** A channel as its sender sees it. Opened by `session.openChannel`; the fields are the session's to change. */
export class OutgoingChannel {
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
  /** Whether nothing can be sent on it any more: closed here, or refused by the other side. */
  isClosed = false;
  /** Yours: what the layer above keeps with it, such as who waits for room. */
  data: unknown = undefined;
  /** @internal How much was sent, each message counting 64 more. */
  sent = 0;
  /** @internal How much may be sent. */
  limit: number;
  /** @internal What waits. */
  first: QueuedMessage | undefined = undefined;
  /** @internal The last that waits. */
  final: QueuedMessage | undefined = undefined;
  /** @internal What waits, by its key. */
  keys: Map<string, QueuedMessage> | undefined = undefined;
  /** @internal Whether it is in the round of those that take turns. */
  takesTurns = false;
  /** @internal The record that closed it, once there is one. */
  closedBy = 0;

  /** @internal Made by the session. */
  constructor(
    name: string,
    number: number,
    policy: OverflowPolicy,
    maxQueuedBytes: number,
    highWaterMarkBytes: number,
    limit: number,
  ) {
    this.name = name;
    this.number = number;
    this.policy = policy;
    this.maxQueuedBytes = maxQueuedBytes;
    this.highWaterMarkBytes = highWaterMarkBytes;
    this.limit = limit;
  }
}
