import { utf8ByteLength } from "../../core/utf8-encoding.js";
import type { ChannelOptions, MessageOptions, SendStatus } from "../peer-port.js";
import { DRAIN_ABOVE_BYTES } from "../transport-port.js";
import { encodeFields } from "../wire/encode-fields.js";
import {
  BINARY_BIT,
  CLOSE_CHANNEL_RECORD,
  CONTINUED_BIT,
  MORE_BIT,
  OPEN_CHANNEL_RECORD,
  SIGNAL_RECORD,
} from "../wire/record-head.js";
import { OVERFLOW_CODE, TOO_SLOW_CODE } from "../wire/session-code.js";
import { ChannelTable } from "./channel-table.js";
import { Heartbeat } from "./heartbeat.js";
import type { Link } from "./link.js";
import { MessageQueue } from "./message-queue.js";
import { NO_MESSAGES, OutgoingChannel } from "./outgoing-channel.js";
import type { QueuedMessage } from "./queued-message.js";
import { RecordLog } from "./record-log.js";
import type { SessionConfig } from "./session-config.js";
import type { SessionHandler } from "./session-handler.js";
import { MAX_NAME_BYTES, MAX_SIGNAL_BYTES, MESSAGE_COST } from "./session-rules.js";

/** So much that came is acknowledged alone, without waiting for something to carry it. */
const ACK_AFTER_BYTES = 65_536;
/** What records between the machines may take beyond what messages may: credit and the like, which waits for no room. */
const CONTROL_ROOM_BYTES = 65_536;

/** What of a session sends: channels that take turns, the log of what is not confirmed, acknowledgements. */
export abstract class SendingSide<Owner, Handler extends SessionHandler<Owner>> {
  // What a broadcast looks at in each session comes first, so that it lies together.
  /** How much may be put into the log without a look at anything else. */
  protected room = 0;
  #isFlushWanted = false;
  /** Whether nothing more can be sent, since it was closed here. */
  isClosing = false;
  /** Up to this, a message leaves in one record, and is not too long, however its text is encoded. */
  #shortBytes: number;
  protected readonly log: RecordLog;
  /** The channel that every session has, for sending. */
  readonly channel: OutgoingChannel;
  /** What all sessions of an endpoint share. */
  readonly config: SessionConfig<Handler>;
  /** What the handler is told this session belongs to. */
  readonly owner: Owner;
  /** The link that carries the session; undefined while suspended. */
  active: Link | undefined = undefined;
  /** Whether the session has ended. */
  isEnded = false;
  protected readonly heartbeat: Heartbeat;
  /** All that are open for sending, the next in the round first. */
  protected readonly outgoing: ChannelTable<OutgoingChannel> = new ChannelTable<OutgoingChannel>();
  /** How many messages wait. */
  protected queuedCount = 0;
  /** The number of the last record that came. */
  protected received = 0;
  /** The last acknowledgement that went out over the active link; -1 if it is to be repeated. */
  protected acknowledged = 0;
  protected unacknowledgedBytes = 0;
  protected ackDueMs: number = Infinity;
  #queuedCost = 0;
  /** What of this session is in the budget. */
  #reportedCost = 0;
  /** The longest message that the other side takes. */
  #peerMaxBytes: number = Infinity;
  /** How much may be sent on a new channel. */
  #peerWindowBytes = 0;
  #lastChannel = 0;
  /** How many are closed, and not known to be by the other side. */
  #closedCount = 0;
  /** Those whose sender waits for room, and for how much: 0 for less than the mark. */
  #unready: Map<OutgoingChannel, number> | undefined = undefined;

  /** @internal */
  protected constructor(config: SessionConfig<Handler>, owner: Owner, isServer: boolean) {
    this.config = config;
    this.owner = owner;
    this.#shortBytes = config.pieceBytes;
    this.log = new RecordLog(config.host, config.pieceBytes);
    this.heartbeat = new Heartbeat(config, isServer);
    this.channel = new OutgoingChannel("", 0, {}, config.maxOutboxBytes, 0);
    this.outgoing.set(this.channel);
  }

  /** How much is kept of what was sent and is not confirmed, in bytes, each message counting 64 more. */
  get outboxBytes(): number {
    return this.log.cost + this.#queuedCost;
  }

  /** How much memory it keeps: {@link outboxBytes}, and messages that came in part. */
  abstract get heldBytes(): number;

  /** Lets go of a link. */
  abstract detach(link: Link, code: number, reason?: string): void;
  /** Ends the session at once. */
  abstract end(code: number, reason?: string): void;
  /** Wants `handleTimeout` to be called at that time, if not before. */
  protected abstract wake(dueMs: number): void;
  /** Sends the acknowledgement alone. */
  protected abstract acknowledge(link: Link): void;
  /** Nothing waits any more: what is to come behind it may. */
  protected abstract emptied(): void;

  /** What the other side said about itself in its first packet. */
  protected meet(windowBytes: number, maxMessageBytes: number): void {
    this.#peerWindowBytes = windowBytes;
    this.#peerMaxBytes = maxMessageBytes;
    this.#shortBytes = Math.min(this.config.pieceBytes, maxMessageBytes);
    for (const channel of this.outgoing.values()) channel.limit = windowBytes;
  }

  /** Opens a channel for sending. Every call opens another one, also under a name that is open. */
  openChannel(name: string, options: ChannelOptions = {}): OutgoingChannel {
    const number = ++this.#lastChannel;
    const { maxOutboxBytes } = this.config;
    const channel = new OutgoingChannel(name, number, options, maxOutboxBytes, this.#peerWindowBytes);
    if (this.isEnded) {
      channel.isClosed = true; // and not kept: whoever has not heard of the end may ask again and again
      return channel;
    }
    this.outgoing.set(channel);
    this.control(OPEN_CHANNEL_RECORD, number, this.encode(name).subarray(0, MAX_NAME_BYTES));
    return channel;
  }

  /** Nothing more is sent on a channel; what waits is sent before. */
  closeChannel(channel: OutgoingChannel): void {
    channel.isClosed = true;
    if (channel.queue.length > 0 || channel.closedBy > 0 || channel.number === 0 || this.isEnded) return;
    this.control(CLOSE_CHANNEL_RECORD, channel.number);
    channel.closedBy = this.log.last;
    this.#closedCount++;
  }

  /**
   * Sends a message: strings are text, bytes binary. Bytes above `pieceBytes` that do not leave at once are not copied: they
   * must not change until they are confirmed. An id has 1 to 32 bytes.
   */
  send(channel: OutgoingChannel, data: string | Uint8Array, options?: MessageOptions): SendStatus {
    if (channel.isClosed || this.isClosing) return "closed";
    const isString = typeof data === "string";
    const isText = isString || options?.isText === true;
    const { length } = data;
    // Text takes up to three bytes a character; what may be long takes the long way.
    const mostBytes = isString ? 3 * length : length;
    if (
      mostBytes <= this.room &&
      mostBytes <= this.#shortBytes &&
      channel.queue.length === 0 &&
      channel.sent < channel.limit
    ) {
      this.room -= length + MESSAGE_COST;
      channel.sent +=
        this.log.append(isText ? 0 : BINARY_BIT, channel.number, options?.id, data, 0, length) + MESSAGE_COST;
      if (!this.#isFlushWanted) this.wantFlush();
      return "sent";
    }
    return this.#enqueue(channel, data, isText, options);
  }

  /**
   * Sends a message on the channel that every session has: one that many sessions get, as the record that it is. Where it
   * cannot leave at once it is as with {@link send}, of its `payload`. Neither may change any more.
   */
  sendShared(record: Uint8Array, payload: Uint8Array, options: MessageOptions): SendStatus {
    const { channel } = this;
    if (channel.isClosed || this.isClosing) return "closed";
    const { length } = payload;
    if (
      length > this.room ||
      length > this.#shortBytes ||
      channel.queue.length > 0 ||
      channel.sent >= channel.limit
    )
      return this.#enqueue(channel, payload, options.isText === true, options, options.isText);
    const cost = length + MESSAGE_COST;
    this.room -= cost;
    channel.sent += cost;
    this.log.appendShared(record);
    if (!this.#isFlushWanted) this.wantFlush();
    return "sent";
  }

  /** Says something to the layer above on the other side, at once. At most 8,192 bytes; more is not said. */
  signal(code: number, bytes: Uint8Array): void {
    if (bytes.length <= MAX_SIGNAL_BYTES) this.control(SIGNAL_RECORD, code, bytes);
  }

  /** Writes what is to be sent. To be called when the handler was told `wantsFlush`. */
  flush(): void {
    this.#isFlushWanted = false;
    const { log, config, active: link, heartbeat } = this;
    if (link === undefined) return;
    const { transport } = link;
    let hasWritten = false;
    while ((this.queuedCount > 0 || log.hasUnwritten) && transport.bufferedBytes <= DRAIN_ABOVE_BYTES) {
      while (this.queuedCount > 0 && log.isFilling) {
        if (log.cost >= config.maxInFlightBytes || !this.#takeTurn()) break;
      }
      if (!log.writeTo(transport, this.received)) break;
      hasWritten = true;
    }
    if (hasWritten) {
      if (this.received !== this.acknowledged) this.acknowledgedAll();
      if (heartbeat.expect(config.host)) this.wake(heartbeat.dueMs);
    } else if (this.received !== this.acknowledged) {
      if (this.unacknowledgedBytes >= ACK_AFTER_BYTES) this.acknowledge(link);
      else if (this.ackDueMs === Infinity) {
        this.ackDueMs = config.host.nowMs() + config.ackDelayMs;
        this.wake(this.ackDueMs);
      }
    }
    this.#measure(link);
  }

  /** Finds out how much room there is now, and brings the budget up to date. */
  #measure({ transport }: Link): void {
    const { config, log } = this;
    this.room =
      config.budget.heldBytes > config.budget.maxBytes
        ? 0
        : Math.min(
            config.maxInFlightBytes - log.cost,
            config.maxOutboxBytes - this.outboxBytes,
            // Each message takes at least that much of it.
            (config.maxOutboxMessages - (log.last - log.confirmed) - this.queuedCount) * MESSAGE_COST,
            DRAIN_ABOVE_BYTES - transport.bufferedBytes,
          );
    this.settle();
  }

  /** What came is acknowledged by what is being sent. */
  protected acknowledgedAll(): void {
    this.acknowledged = this.received;
    this.unacknowledgedBytes = 0;
    this.ackDueMs = Infinity;
  }

  /** Wants {@link flush} to be called. */
  protected wantFlush(): void {
    if (this.active !== undefined) this.#askForFlush();
  }

  #askForFlush(): void {
    if (this.#isFlushWanted) return;
    this.#isFlushWanted = true;
    this.config.handler.wantsFlush(this.owner);
  }

  protected encode(text: string): Uint8Array {
    const bytes = this.config.host.allocate(3 * text.length);
    return bytes.subarray(0, this.config.host.utf8Write(text, bytes, 0));
  }

  /**
   * The long way: what does not leave at once waits on its channel, or does not fit.
   * @param isKept whether short bytes, too, are kept as they are: they do not change, and nobody is handed them.
   */
  #enqueue(
    channel: OutgoingChannel,
    data: string | Uint8Array,
    isText: boolean,
    options: MessageOptions | undefined,
    isKept = false,
  ): SendStatus {
    const { policy, keys, highWaterMarkBytes } = channel;
    const { config } = this;
    const key = keys && options?.key;
    if (this.#isTooLong(data)) {
      this.#tellDropped(channel, 1);
      return "too-long";
    }
    const cost = data.length + MESSAGE_COST;
    this.#unready ??= new Map();
    let dropped = 0;
    let old: QueuedMessage | undefined;
    for (;;) {
      const queue = queueOf(channel);
      old = key === undefined ? undefined : keys!.get(key);
      if (this.#fits(channel, cost, old)) {
        if (old === undefined) {
          const counted = this.#counted(channel, cost);
          old = { data, isText, id: undefined, key, cost, counted, offset: 0 };
          if (queue === NO_MESSAGES) channel.queue = new MessageQueue();
          queueOf(channel).push(old);
          if (key !== undefined) keys!.set(key, old);
        } else {
          dropped++;
          this.#count(channel, old, -1);
          old.cost = old.counted = cost;
        }
        this.#count(channel, old, 1);
        break;
      }
      dropped++;
      const oldest = queue.length > 0 && queue.first.offset > 0 ? 1 : 0;
      if (
        (keys === undefined && policy !== "drop-oldest") ||
        queue.length <= oldest ||
        (dropped === 1 && !this.#fitsWithout(channel, cost, oldest))
      ) {
        this.#unready.set(channel, cost);
        this.#tellDropped(channel, dropped);
        if (policy === "disconnect" && this.active !== undefined) this.detach(this.active, TOO_SLOW_CODE);
        return "dropped";
      }
      this.#remove(channel, oldest);
    }
    // Long bytes stay the caller's; short ones may change before their turn comes.
    const isCopied = !isKept && typeof data !== "string" && data.length <= config.pieceBytes;
    old.data = isCopied ? new Uint8Array(data) : data;
    old.isText = isText;
    old.id = options?.id;
    this.settle();
    this.room = Math.min(this.room, config.maxOutboxBytes - this.outboxBytes);
    // Also while nothing can be written: what all sessions hold together is looked at then.
    this.#askForFlush();
    if (dropped > 0) this.#tellDropped(channel, dropped);
    if (channel.queuedBytes <= highWaterMarkBytes) return "sent";
    this.#unready.set(channel, 0);
    return "queued";
  }

  /** Text is measured where it may be too long: a character takes up to three bytes. */
  #isTooLong(data: string | Uint8Array): boolean {
    const { length } = data;
    const most = this.#peerMaxBytes;
    return length > most || (typeof data === "string" && 3 * length > most && utf8ByteLength(data) > most);
  }

  /** What a message counts in the session. A long one that is alone on its channel is the caller's bytes, and leaves in pieces. */
  #counted(channel: OutgoingChannel, cost: number): number {
    return channel.queue.length === 0 ? Math.min(cost, this.config.pieceBytes) : cost;
  }

  /** Whether a message may wait, in place of `old` if there is one. */
  #fits(channel: OutgoingChannel, cost: number, old?: QueuedMessage): boolean {
    const more = this.#counted(channel, cost) - (old === undefined ? 0 : old.counted);
    return (
      (channel.queue.length === 0 ||
        channel.queuedBytes + cost - (old === undefined ? 0 : old.cost) <= channel.maxQueuedBytes) &&
      this.#mayKeep(more, 0)
    );
  }

  /**
   * Whether a message may wait if all that waits on its channel is dropped, but for the first one where that has begun to leave:
   * else nothing is dropped for it. Asked for each message of a channel that is full, so not by a look at all that waits.
   */
  #fitsWithout(channel: OutgoingChannel, cost: number, from: 0 | 1): boolean {
    const { queuedBytes, maxQueuedBytes } = channel;
    const { first, length } = queueOf(channel);
    // Only the first one may count less in the session than on its channel.
    const counted = queuedBytes - first.cost + (from === 0 ? first.counted : 0);
    const more = (from === 0 ? Math.min(cost, this.config.pieceBytes) : cost) - counted;
    return (from === 0 || first.cost + cost <= maxQueuedBytes) && this.#mayKeep(more, length - from);
  }

  /** Whether the session may keep another message, and so many bytes more, if it drops so many messages. */
  #mayKeep(more: number, dropped: number): boolean {
    const { config, log } = this;
    return (
      this.outboxBytes + more <= config.maxOutboxBytes &&
      log.last - log.confirmed + this.queuedCount - dropped < config.maxOutboxMessages &&
      config.budget.heldBytes + more <= config.budget.maxBytes
    );
  }

  #count(channel: OutgoingChannel, message: QueuedMessage, sign: number): void {
    channel.queuedBytes += sign * message.cost;
    this.#queuedCost += sign * message.counted;
    this.queuedCount += sign;
  }

  /** Takes the first message out of the line, or the one behind it. */
  #remove(channel: OutgoingChannel, at: 0 | 1): void {
    const queue = queueOf(channel);
    const message = at === 0 ? queue.shift() : queue.shiftSecond();
    this.#count(channel, message, -1);
    if (message.key !== undefined) channel.keys!.delete(message.key);
  }

  /** What waits on a channel is given up. */
  protected giveUp(channel: OutgoingChannel): void {
    const { length } = channel.queue;
    while (channel.queue.length > 0) this.#remove(channel, 0);
    if (length > 0) this.#tellDropped(channel, length);
  }

  #tellDropped(channel: OutgoingChannel, count: number): void {
    channel.dropped += count;
    this.config.handler.dropped(this.owner, channel, count);
  }

  /** The next channel in the round sends a piece, or as many short messages. False if none may. */
  #takeTurn(): boolean {
    const { outgoing } = this;
    for (const channel of outgoing.values()) {
      if (channel.queue.length === 0 || channel.sent >= channel.limit) continue;
      outgoing.delete(channel.number);
      outgoing.set(channel);
      let left = this.config.pieceBytes;
      while (left > 0 && channel.queue.length > 0 && channel.sent < channel.limit)
        left -= this.#sendQueued(channel, queueOf(channel).first);
      if (channel.isClosed) this.closeChannel(channel);
      if (this.queuedCount === 0) this.emptied();
      return true;
    }
    return false;
  }

  /** Sends a message that waited, or the next piece of it; returns how much that is. */
  #sendQueued(channel: OutgoingChannel, message: QueuedMessage): number {
    const { log } = this;
    const { offset } = message;
    if (message.key !== undefined) {
      channel.keys!.delete(message.key);
      message.key = undefined;
    }
    if (typeof message.data === "string" && 3 * message.data.length > this.#shortBytes)
      message.data = this.encode(message.data);
    const { data } = message;
    const end = Math.min(data.length, offset + this.config.pieceBytes);
    const isLast = end === data.length;
    const head =
      (message.isText ? 0 : BINARY_BIT) | (isLast ? 0 : MORE_BIT) | (offset === 0 ? 0 : CONTINUED_BIT);
    let cost = log.append(head, channel.number, offset === 0 ? message.id : undefined, data, offset, end);
    if (offset === 0) cost += MESSAGE_COST;
    channel.sent += cost;
    message.offset = end;
    if (isLast) {
      if (offset > 0) log.addMessage(message);
      this.#remove(channel, 0);
    }
    return cost;
  }

  /** A record between the machines, or `signal`: numbered and kept as messages are, but it waits for no room. */
  protected control(head: number, ...fields: readonly (number | Uint8Array)[]): void {
    if (this.isEnded) return;
    const { log, config } = this;
    const body = encodeFields(fields);
    log.append(head, 0, undefined, body, 0, body.length);
    this.wantFlush();
    // Whoever never confirms gets no more of them.
    if (log.cost > config.maxInFlightBytes + config.maxOutboxBytes + CONTROL_ROOM_BYTES)
      this.end(OVERFLOW_CODE);
  }

  /** A channel may send further. */
  protected raiseLimit(channel: OutgoingChannel, limit: number): void {
    if (limit <= channel.limit) return;
    channel.limit = limit;
    this.wantFlush();
  }

  /** The other side has everything up to a record. False if it cannot have it. */
  protected confirm(number: number): boolean {
    const { log } = this;
    if (number <= log.confirmed) return true;
    if (!log.confirm(number)) return false;
    if (this.#closedCount > 0) {
      for (const { closedBy, number: channel } of this.outgoing.values()) {
        if (closedBy === 0 || closedBy > number) continue;
        this.outgoing.delete(channel);
        this.#closedCount--;
      }
    }
    const isWaited = this.queuedCount > 0 || log.hasUnwritten || (this.#unready?.size ?? 0) > 0;
    if (isWaited || this.active === undefined) this.wantFlush();
    else this.#measure(this.active); // the usual case: nothing follows from it
    return true;
  }

  /** Brings the budget up to date, and tells those who wait for room. */
  protected settle(): void {
    const { config, heldBytes } = this;
    config.budget.heldBytes += heldBytes - this.#reportedCost;
    this.#reportedCost = heldBytes;
    if (this.#unready === undefined) return;
    for (const [channel, cost] of this.#unready) {
      if (channel.queuedBytes > channel.highWaterMarkBytes || (cost > 0 && !this.#fits(channel, cost)))
        continue;
      this.#unready.delete(channel);
      config.handler.ready(this.owner, channel);
    }
  }

  /** The session is over: nothing is kept. */
  protected clearOutbox(): void {
    for (const channel of this.outgoing.values()) {
      channel.queue = NO_MESSAGES;
      channel.queuedBytes = 0;
      channel.isClosed = true;
    }
    this.#unready = undefined;
    this.#queuedCost = this.queuedCount = this.room = 0;
    this.log.clear();
    this.settle();
  }
}

/** What waits on a channel that this side opened. */
function queueOf({ queue }: OutgoingChannel): MessageQueue {
  return queue as MessageQueue;
}
