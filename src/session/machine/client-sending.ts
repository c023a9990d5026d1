import { cannotBe } from "../../core/cannot-be.js";
import type { ChannelOptions, SendStatus, ToldMessageOptions, UnconfirmedMessage } from "../peer-port.js";
import { DRAIN_ABOVE_BYTES } from "../transport-port.js";
import { encodeFields, type Fields, HEADER_ROOM, scratch, writeFields } from "../wire/encode-fields.js";
import { MAX_REASON_BYTES } from "../wire/end-packet.js";
import { DATA_PACKET, MAX_BLOCK_BYTES } from "../wire/packet-type.js";
import {
  BINARY_BIT,
  CHANNEL_BIT,
  CLOSE_CHANNEL_RECORD,
  CONTINUED_BIT,
  CREDIT_RECORD,
  END_RECORD,
  ID_BIT,
  MORE_BIT,
  OPEN_CHANNEL_RECORD,
  SIGNAL_RECORD,
} from "../wire/record-head.js";
import { CLOSED_CODE, OVERFLOW_CODE, TOO_SLOW_CODE } from "../wire/session-code.js";
import { ClientChannel, type ClientMessage } from "./client-channel.js";
import type { ClientConfig } from "./client-config.js";
import type { SessionLink } from "./link.js";
import { MAX_NAME_BYTES, MAX_SIGNAL_BYTES, MESSAGE_COST } from "./session-rules.js";

/** What records between the machines may take beyond what messages may. */
const CONTROL_ROOM_BYTES = 65_536;

/** A record that has a number and is not confirmed. */
interface NumberedRecord {
  readonly fields: Fields;
  readonly cost: number;
  /** The message that ends with it, if one does. */
  readonly message: ClientMessage | undefined;
}

/** What a client sends in its session: what waits, what is not confirmed, and how it is closed in order behind that. */
export abstract class ClientSending {
  /** What it goes by. */
  declare readonly config: ClientConfig;
  /** The channel that every session has, for sending. */
  declare readonly channel: ClientChannel;
  /** The link that carries the session; undefined while suspended. */
  active: SessionLink | undefined;
  /** Whether the session has ended. */
  isEnded = false;
  /** Whether a transport ever carried the session. */
  wasLive = false;
  /** The number of the last record that came. */
  protected received = 0;
  #peerMaxBytes = Infinity;
  #peerWindowBytes = 0;

  /** All channels that are open for sending, the next in the round first. */
  readonly #outgoing = new Map<number, ClientChannel>();
  #lastChannel = 0;
  /** How many messages wait, and what they count. */
  #queuedCount = 0;
  #queuedCost = 0;
  /** What is not confirmed, and what it counts. */
  readonly #records: NumberedRecord[] = [];
  #recordCost = 0;
  /** The number of the last record that the other side has. */
  #confirmed = 0;
  /** How many of the records were sent over the active link. */
  #sentCount = 0;
  /** The number of the last record that ever left. */
  #written = 0;
  #isFlushWanted = false;

  /** Whether it is to be closed in order; with which code and reason, until when, and the number of the record that says so. */
  #isClosing = false;
  declare protected closing: readonly [code: number, reason: string];
  closeDueMs: number = Infinity;
  #lastRecord = 0;

  constructor(config: ClientConfig) {
    this.config = config;
    this.channel = this.#newChannel("", 0);
  }

  /** Lets go of a link; if it was the active one, the session is suspended. The other side is told why. */
  abstract detach(link: SessionLink, code: number, reason?: string): void;

  /** Ends the session at once; the other side is told if it can be. `handler.ended` is called before this returns. */
  abstract end(code: number, reason?: string, isReset?: boolean): void;

  /** The session is over, whoever said so. */
  protected abstract finish(code: number, reason: string, isReset: boolean): void;

  /** Time is to be looked at when this is due, at the latest. */
  protected abstract wake(dueMs: number): void;

  /** All was written that could be, which may be nothing. */
  protected abstract flushed(active: SessionLink, hasWritten: boolean): void;

  /** How much is kept of what was sent and is not confirmed, in bytes, each message counting 64 more. */
  get outboxBytes(): number {
    return this.#recordCost + this.#queuedCost;
  }

  // --- Sending -------------------------------------------------------------------------------------------------

  #newChannel(name: string, number: number, options: ChannelOptions = {}): ClientChannel {
    const { maxOutboxBytes } = this.config;
    const channel = new ClientChannel(this, name, number, maxOutboxBytes, options, this.#peerWindowBytes);
    channel.isClosed = this.isEnded;
    if (!this.isEnded) this.#outgoing.set(number, channel);
    return channel;
  }

  /** The channel of a name, as long as it is open for sending. */
  channelNamed(name: string): ClientChannel | undefined {
    return [...this.#outgoing.values()].find((channel) => channel.name === name && !channel.isClosed);
  }

  /**
   * Opens a channel for sending. Every call opens another one, also under a name that is open.
   * @throws UsageError `INVALID_OPTION` for options that cannot be, and a name of more than 256 bytes.
   */
  openChannel(name: string, options?: ChannelOptions): ClientChannel {
    const bytes = this.config.host.utf8Encode(name);
    if (bytes.length > MAX_NAME_BYTES)
      throw cannotBe("INVALID_OPTION", "a name", `more than ${MAX_NAME_BYTES} bytes`);
    const channel = this.#newChannel(name, this.#lastChannel + 1, options);
    this.control(OPEN_CHANNEL_RECORD, ++this.#lastChannel, bytes);
    return channel;
  }

  /** Nothing more is sent on a channel; what waits is sent before. */
  closeChannel(channel: ClientChannel): void {
    channel.isClosed = true;
    channel.tell(false);
    if (channel.queue.length > 0 || channel.closedBy > 0 || channel.number === 0 || this.isEnded) return;
    this.control(CLOSE_CHANNEL_RECORD, channel.number);
    channel.closedBy = this.#confirmed + this.#records.length;
  }

  /**
   * Sends a message: strings are text, bytes binary. Bytes above `pieceBytes` are not copied: they must not change until they are
   * confirmed. An id has 1 to 32 bytes.
   * What is too long, and was sent before the other side had said so, is told to `handler.report`.
   */
  send(channel: ClientChannel, data: string | Uint8Array, options: ToldMessageOptions = {}): SendStatus {
    if (channel.isClosed || this.#isClosing) return "closed";
    const { pieceBytes, maxInFlightBytes } = this.config;
    const { policy, queue } = channel;
    const isText = typeof data === "string" || options.isText === true;
    const bytes =
      typeof data === "string"
        ? this.config.host.utf8Encode(data)
        : data.length > pieceBytes
          ? data
          : new Uint8Array(data);
    const { length } = bytes;
    if (length > this.#peerMaxBytes) {
      this.#tellDropped(channel, 1);
      return "too-long";
    }
    const cost = length + MESSAGE_COST;
    // What has begun to leave stays.
    const first = queue.length > 0 && queue[0]!.offset > 0 ? 1 : 0;
    const key = policy === "latest-per-key" ? options.key : undefined;
    const most = policy === "drop-oldest" || policy === "latest-per-key" ? first : queue.length;
    if (!this.#fits(channel, cost) && !this.#fits(channel, cost, most)) {
      channel.wanted = cost;
      this.#tellDropped(channel, 1);
      if (policy === "disconnect" && this.active !== undefined) this.detach(this.active, TOO_SLOW_CODE);
      return "dropped";
    }
    let place = queue.length;
    let dropped = 0;
    if (key !== undefined) {
      const old = queue.findIndex((message) => message.key === key);
      if (old >= 0) {
        this.#remove(channel, (place = old));
        dropped++;
      }
    }
    while (!this.#fits(channel, cost)) {
      this.#remove(channel, first);
      dropped++;
      place--;
    }
    const counted = this.#counted(cost, queue.length === 0);
    const message: ClientMessage = {
      channel,
      data: bytes,
      isText,
      id: options.id,
      tooLong: options.tooLong,
      key,
      cost,
      counted,
      offset: 0,
    };
    // What is short and alone leaves at once, before its turn comes.
    if (
      queue.length === 0 &&
      length <= pieceBytes &&
      this.#recordCost < maxInFlightBytes &&
      channel.sent < channel.limit &&
      this.active !== undefined &&
      this.active.transport.bufferedBytes <= DRAIN_ABOVE_BYTES
    )
      this.#sendPiece(message);
    else {
      if (place < queue.length) queue.splice(Math.max(place, first), 0, message);
      else queue.push(message);
      this.#count(message, 1);
    }
    this.wantsFlush();
    if (dropped > 0) this.#tellDropped(channel, dropped);
    if (channel.queuedBytes <= channel.highWaterMarkBytes) return "sent";
    channel.wanted = 0;
    return "queued";
  }

  /** Says something to the layer above on the other side, at once. At most 8,192 bytes; more is not said. */
  signal(code: number, bytes: Uint8Array): void {
    if (bytes.length <= MAX_SIGNAL_BYTES) this.control(SIGNAL_RECORD, code, bytes);
  }

  /** Writes what is to be sent. To be called when the handler was told `wantsFlush`. */
  flush(): void {
    this.#isFlushWanted = false;
    const { active, config } = this;
    if (active === undefined) return;
    const { transport } = active;
    let hasWritten = false;
    while (transport.bufferedBytes <= DRAIN_ABOVE_BYTES) {
      let next = this.#sentCount;
      let byteLength = 0;
      while (byteLength < config.pieceBytes) {
        const record = this.#records[this.#sentCount];
        if (record === undefined) {
          if (this.#recordCost >= config.maxInFlightBytes || !this.#takeTurn()) break;
        } else {
          // What a record counts is more than it takes.
          byteLength += record.cost;
          if (byteLength > MAX_BLOCK_BYTES - MESSAGE_COST) break;
          this.#sentCount++;
        }
      }
      // The session may have ended meanwhile, and then there are none.
      if (next >= this.#sentCount) break;
      this.#written = Math.max(this.#written, this.#confirmed + this.#sentCount);
      let end = writeFields([DATA_PACKET, this.received, this.#confirmed + next + 1]);
      while (next < this.#sentCount) end = writeFields(this.#records[next++]!.fields, end);
      transport.send(scratch, HEADER_ROOM, end);
      hasWritten = true;
    }
    this.flushed(active, hasWritten);
    for (const channel of this.#outgoing.values()) {
      const { wanted } = channel;
      if (
        wanted === undefined ||
        channel.queuedBytes > channel.highWaterMarkBytes ||
        (wanted > 0 && !this.#fits(channel, wanted))
      )
        continue;
      channel.tell(true);
      config.handler.ready(channel);
    }
  }

  protected wantsFlush(): void {
    if (this.#isFlushWanted || this.active === undefined) return;
    this.#isFlushWanted = true;
    this.config.handler.wantsFlush();
  }

  /** What a message counts in the session. A long one that is alone on its channel is the caller's bytes, and leaves in pieces. */
  #counted(cost: number, isAlone: boolean): number {
    return isAlone ? Math.min(cost, this.config.pieceBytes) : cost;
  }

  /** Whether a message may wait behind so many others of its channel, without the rest of them. */
  #fits(channel: ClientChannel, cost: number, place: number = channel.queue.length): boolean {
    const { maxOutboxBytes, maxOutboxMessages } = this.config;
    let queuedBytes = channel.queuedBytes + cost;
    let outboxBytes = this.outboxBytes + this.#counted(cost, place === 0);
    let count = this.#records.length + this.#queuedCount;
    for (const other of channel.queue.slice(place)) {
      queuedBytes -= other.cost;
      outboxBytes -= other.counted;
      count--;
    }
    return (
      (place === 0 || queuedBytes <= channel.maxQueuedBytes) &&
      outboxBytes <= maxOutboxBytes &&
      count < maxOutboxMessages
    );
  }

  #count({ channel, cost, counted }: ClientMessage, sign: number): void {
    channel.queuedBytes += sign * cost;
    this.#queuedCost += sign * counted;
    this.#queuedCount += sign;
  }

  /** Takes the message at a place out of the line. */
  #remove(channel: ClientChannel, at: number): void {
    this.#count(at > 0 ? channel.queue.splice(at, 1)[0]! : channel.queue.shift()!, -1);
  }

  #tellDropped(channel: ClientChannel, count: number): void {
    channel.dropped += count;
    this.config.handler.dropped(channel, count);
  }

  /** The next channel in the round sends a piece, or as many short messages. False if none may. */
  #takeTurn(): boolean {
    for (const channel of this.#outgoing.values()) {
      const { number, queue } = channel;
      if (queue.length === 0 || channel.sent >= channel.limit) continue;
      this.#outgoing.delete(number);
      this.#outgoing.set(number, channel);
      let left = this.config.pieceBytes;
      while (left > 0 && queue.length > 0 && channel.sent < channel.limit) left -= this.#sendPiece(queue[0]!);
      if (channel.isClosed) this.closeChannel(channel);
      this.#closeIfEmpty();
      return true;
    }
    return false;
  }

  /** Gives a number to a message, or to the next piece of it; returns how much that counts. */
  #sendPiece(message: ClientMessage): number {
    const { channel, data, isText, offset } = message;
    const end = Math.min(data.length, offset + this.config.pieceBytes);
    const isLast = end === data.length;
    message.key = undefined;
    message.offset = end;
    if (isLast && message === channel.queue[0]) this.#remove(channel, 0);
    if (data.length > this.#peerMaxBytes) {
      // It was taken before the limit of the other side was known.
      if (!isLast) this.#remove(channel, 0);
      this.#tellDropped(channel, 1);
      if (message.tooLong === undefined)
        this.config.handler.report(cannotBe("MESSAGE_TOO_LONG", "a message", `${data.length} bytes`));
      else message.tooLong();
      return 0;
    }
    const { number } = channel;
    const id = offset === 0 ? message.id : undefined;
    const length = end - offset;
    const fields = [
      (isText ? 0 : BINARY_BIT) |
        (isLast ? 0 : MORE_BIT) |
        (offset === 0 ? 0 : CONTINUED_BIT) |
        (number > 0 ? CHANNEL_BIT : 0) |
        (id === undefined ? 0 : ID_BIT),
      number || undefined,
      id?.length,
      id,
      length,
      length === data.length ? data : data.subarray(offset, end),
    ];
    this.#number(fields, length, isLast ? message : undefined);
    const cost = length + (offset === 0 ? MESSAGE_COST : 0);
    channel.sent += cost;
    return cost;
  }

  /** A record is given its number. */
  #number(fields: Fields, byteLength: number, message?: ClientMessage): void {
    const cost = byteLength + MESSAGE_COST;
    this.#records.push({ fields, cost, message });
    this.#recordCost += cost;
  }

  /** A record between the machines, or `signal`: numbered and kept as messages are, but it waits for no room. */
  protected control(head: number, ...fields: Fields): void {
    if (this.isEnded) return;
    const { maxInFlightBytes, maxOutboxBytes } = this.config;
    const body = bodyOf(fields);
    this.#number([Uint8Array.of(head), body.length, body], body.length);
    this.wantsFlush();
    // Whoever never confirms gets no more of them.
    if (this.#recordCost > maxInFlightBytes + maxOutboxBytes + CONTROL_ROOM_BYTES) this.end(OVERFLOW_CODE);
  }

  /** The other side has everything up to a record. False if it cannot have it. */
  protected confirm(number: number): boolean {
    if (number > this.#written) return false;
    const count = number - this.#confirmed;
    if (count <= 0) return true;
    for (const { cost } of this.#records.splice(0, count)) this.#recordCost -= cost;
    this.#confirmed = number;
    this.#sentCount = Math.max(0, this.#sentCount - count);
    for (const { closedBy, number: channel } of this.#outgoing.values()) {
      if (closedBy > 0 && closedBy <= number) this.#outgoing.delete(channel);
    }
    if (this.#lastRecord > 0 && this.#lastRecord <= number) this.finish(...this.closing, false);
    this.wantsFlush();
    return true;
  }

  /** The other side gives credit for a channel, or refuses it. */
  protected answered(head: number, number: number, value: number): void {
    const channel = this.#outgoing.get(number);
    if (channel === undefined) return;
    if (head === CREDIT_RECORD) {
      channel.limit = Math.max(channel.limit, value);
      this.wantsFlush();
    } else if (channel.closedBy === 0) {
      const { length } = channel.queue;
      while (channel.queue.length > 0) this.#remove(channel, 0);
      if (length > 0) this.#tellDropped(channel, length);
      this.closeChannel(channel);
      this.config.handler.channelRefused(channel, value);
      this.#closeIfEmpty();
    }
  }

  /** The other side takes so much on a channel without credit, and no longer messages. */
  protected allowed(windowBytes: number, maxMessageBytes: number): void {
    this.#peerWindowBytes = windowBytes;
    this.#peerMaxBytes = maxMessageBytes;
    for (const channel of this.#outgoing.values()) channel.limit = windowBytes;
  }

  /** All that is not confirmed is sent again, or for the first time. */
  protected sendAgain(): void {
    this.#sentCount = 0;
    this.wantsFlush();
  }

  /**
   * Closes the session in order: the other side is told behind all that was sent. `handler.ended` follows; after
   * `closeTimeoutMs` also if not everything was confirmed.
   */
  close(code: number = CLOSED_CODE, reason = ""): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.closing = [code, reason];
    if (!this.wasLive && this.#queuedCount === 0) {
      this.end(code, reason, false);
      return;
    }
    this.closeDueMs = this.config.host.nowMs() + this.config.closeTimeoutMs;
    this.wake(this.closeDueMs);
    this.#closeIfEmpty();
  }

  /** The last record is written when nothing else waits. */
  #closeIfEmpty(): void {
    if (!this.#isClosing || this.isEnded || this.#lastRecord > 0 || this.#queuedCount > 0) return;
    this.#lastRecord = this.#confirmed + this.#records.length + 1;
    this.control(END_RECORD, ...ending(this.config, ...this.closing));
  }

  /** Whether the other side has all but the record that closes the session. */
  protected get isClosed(): boolean {
    return this.#lastRecord > 0 && this.#lastRecord === this.#confirmed + 1;
  }

  /** Whether something is sent, or is to be sent again, that is not confirmed. */
  protected get isUnconfirmed(): boolean {
    return this.#records.length > 0;
  }

  /** Nothing more is sent. Returns the messages that were never confirmed, in the order of each channel. */
  protected forget(): UnconfirmedMessage[] {
    this.#isClosing = true;
    const left = this.#records.map(({ message }) => message);
    for (const channel of this.#outgoing.values()) {
      left.push(...channel.queue);
      channel.queue = [];
      channel.queuedBytes = 0;
      channel.isClosed = true;
      channel.tell(false);
    }
    const unconfirmed: UnconfirmedMessage[] = [];
    for (const message of left) {
      if (message === undefined) continue;
      const { channel, data, isText, id } = message;
      unconfirmed.push({ channel: channel.name, data: isText ? decode(this.config, data)! : data, id });
    }
    this.#records.length = this.#sentCount = this.#recordCost = this.#queuedCost = this.#queuedCount = 0;
    return unconfirmed;
  }
}

/** Fields one behind the other, to keep. */
export function bodyOf(fields: Fields): Uint8Array {
  return new Uint8Array(encodeFields(fields));
}

/** Text that came; undefined if it is not UTF-8. */
export function decode({ host }: ClientConfig, bytes: Uint8Array): string | undefined {
  return host.utf8Decode(bytes, 0, bytes.length);
}

/** Why something ends, as it is said: a reason that is too long is cut off. */
export function ending({ host }: ClientConfig, code: number, reason: string): (number | Uint8Array)[] {
  return [code, 0, 0, host.utf8Encode(reason).subarray(0, MAX_REASON_BYTES)];
}
