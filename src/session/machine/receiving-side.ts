import { ByteQueue } from "../../core/byte-queue.js";
import { readEnd } from "../wire/end-packet.js";
import {
  BINARY_BIT,
  CHANNEL_BIT,
  CLOSE_CHANNEL_RECORD,
  CONTINUED_BIT,
  CONTROL_RECORD,
  CREDIT_RECORD,
  END_RECORD,
  MESSAGE_BITS,
  MORE_BIT,
  OPEN_CHANNEL_RECORD,
  REFUSE_CHANNEL_RECORD,
  SIGNAL_RECORD,
  SKIPPABLE_RECORD,
} from "../wire/record-head.js";
import { RecordReader } from "../wire/record-reader.js";
import { BAD_MESSAGE_CODE, OVERFLOW_CODE } from "../wire/session-code.js";
import { WireReader } from "../wire/wire-reader.js";
import { ChannelTable } from "./channel-table.js";
import { IncomingChannel } from "./incoming-channel.js";
import type { Link } from "./link.js";
import { SendingSide } from "./sending-side.js";
import type { SessionConfig } from "./session-config.js";
import type { SessionHandler } from "./session-handler.js";
import { MAX_NAME_BYTES, MAX_SIGNAL_BYTES, MESSAGE_COST, REFUSED_CHANNELS } from "./session-rules.js";

/** What of a session receives: records in order, messages from their pieces, credit for what was taken. */
export abstract class ReceivingSide<Owner, Handler extends SessionHandler<Owner>> extends SendingSide<
  Owner,
  Handler
> {
  readonly #channel: IncomingChannel;
  readonly #incoming = new ChannelTable<IncomingChannel>();
  /** The numbers of those that were one too many, until they are closed. */
  #refused: Set<number> | undefined;
  /** How many are closed, and still held by the handler. */
  #heldChannels = 0;
  /** Those with a message that is not complete, the oldest first. */
  readonly #assembling: IncomingChannel[] = [];
  #assemblingBytes = 0;

  /** @internal */
  protected constructor(config: SessionConfig<Handler>, owner: Owner, isServer: boolean) {
    super(config, owner, isServer);
    this.#channel = new IncomingChannel("", 0, config.windowBytes);
    this.#incoming.set(this.#channel);
  }

  /** The other side closed the session in order. */
  protected abstract closedByPeer(link: Link, code: number, reason: string): void;

  /** How much memory it keeps: the outbox, and messages that came in part. */
  override get heldBytes(): number {
    let heldBytes = this.outboxBytes;
    if (this.#assemblingBytes === 0 || this.isEnded) return heldBytes;
    for (const { parts } of this.#assembling) heldBytes += parts!.heldBytes;
    return heldBytes;
  }

  /** Takes nothing more of what comes on a channel; the sender is told. */
  refuseChannel(channel: IncomingChannel, code: number): void {
    if (channel.isRefused) return;
    channel.isRefused = true;
    this.#forgetParts(channel);
    // The number of one that was closed meanwhile may be that of another one.
    if (this.#incoming.get(channel.number) === channel)
      this.control(REFUSE_CHANNEL_RECORD, channel.number, code);
  }

  /** A message for which the handler returned false is done with: its length in bytes. */
  taken(channel: IncomingChannel, byteLength: number): void {
    channel.taken += byteLength + MESSAGE_COST;
    this.#giveCredit(channel);
  }

  /** A channel for which the handler returned "held" when it was closed is done with. */
  channelDone(): void {
    this.#heldChannels--;
  }

  /** The packet with the records. False for what is the fault of the transport. */
  protected data(link: Link, bytes: Uint8Array, start: number, end: number): boolean {
    const reader = new RecordReader(bytes, start, end);
    const confirmed = reader.varint();
    let number = reader.varint();
    let { at } = reader;
    if (reader.isBad || at === end || number === 0 || number > this.received + 1 || !this.confirm(confirmed))
      return false;
    this.unacknowledgedBytes += end - start;
    this.heartbeat.wasBusy();
    // It does not know that these came already.
    if (number <= this.received) this.acknowledged = -1;
    const channel = this.#channel;
    for (; at < end && link.state !== "gone"; number++) {
      const head = bytes[at]!;
      let payload = at + 2;
      let length = bytes[at + 1]!;
      if (length >= 0x80) {
        const high = bytes[payload++]!;
        length = high > 0 && high < 0x80 ? length + (high - 1) * 0x80 : -1;
      }
      // The short way of what comes most: a whole message on channel 0, below 16 KiB.
      if (head <= BINARY_BIT && length >= 0 && payload <= end && channel.parts === undefined) {
        at = payload + length;
        if (at > end) return false;
        if (number <= this.received) continue;
        this.received = number;
        this.#message(channel, head, bytes, payload, at, undefined);
      } else {
        reader.at = at;
        if (!reader.next()) return false;
        at = reader.at;
        if (number <= this.received) continue;
        this.received = number;
        if (!this.#record(link, reader)) this.#fault();
      }
    }
    this.wantFlush();
    return true;
  }

  #fault(): void {
    this.end(BAD_MESSAGE_CODE);
  }

  /** A message that is whole. */
  #message(
    channel: IncomingChannel,
    head: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: Uint8Array | undefined,
  ): void {
    const { config } = this;
    const cost = end - start + MESSAGE_COST;
    if (channel.received >= channel.limit || end - start > config.maxMessageBytes) {
      this.#fault();
      return;
    }
    channel.received += cost;
    if (config.handler.message(this.owner, channel, (head & BINARY_BIT) === 0, bytes, start, end, id)) {
      channel.taken += cost;
      if (channel.limit - channel.taken <= config.windowBytes / 2) this.#giveCredit(channel);
    }
  }

  /** A record with something about it: it is not a message, or has a channel, an id, more than one piece. */
  #record(link: Link, { head, channel: number, id, bytes, start, at: end }: RecordReader): boolean {
    if (head >= CONTROL_RECORD) return this.#control(link, head, new WireReader(bytes, start, end));
    const channel = this.#incoming.get(number);
    if (channel === undefined && this.#refused?.has(number) === true) return true;
    const isContinued = (head & CONTINUED_BIT) !== 0;
    const isLast = (head & MORE_BIT) === 0;
    if (
      head > MESSAGE_BITS ||
      channel === undefined ||
      (number === 0) !== ((head & CHANNEL_BIT) === 0) ||
      (id !== undefined && (isContinued || id.length === 0))
    )
      return false;
    if (channel.isRefused) return true;
    let { parts } = channel;
    if (isContinued !== (parts !== undefined)) return false;
    if (isLast && parts === undefined) {
      this.#message(channel, head, bytes, start, end, id);
      return true;
    }
    if (channel.received >= channel.limit) return false;
    if (parts === undefined) {
      channel.parts = parts = new ByteQueue(this.config.host);
      channel.head = head;
      channel.id = id;
      channel.received += MESSAGE_COST;
      this.#assembling.push(channel);
    }
    const { config } = this;
    const byteLength = parts.byteLength + end - start;
    if (
      ((channel.head ^ head) & BINARY_BIT) !== 0 ||
      (!isLast && end === start) ||
      byteLength > config.maxMessageBytes
    )
      return false;
    channel.received += end - start;
    this.#assemblingBytes += end - start;
    parts.append(bytes, start, end);
    if (!isLast) {
      this.#giveCredit(channel);
      return true;
    }
    const firstId = channel.id;
    this.#forgetParts(channel);
    const isText = (head & BINARY_BIT) === 0;
    if (config.handler.message(this.owner, channel, isText, parts.concat(), 0, byteLength, firstId))
      this.taken(channel, byteLength);
    return true;
  }

  #forgetParts(channel: IncomingChannel): void {
    const { parts } = channel;
    if (parts === undefined) return;
    channel.parts = channel.id = undefined;
    this.#assemblingBytes -= parts.byteLength;
    this.#assembling.splice(this.#assembling.indexOf(channel), 1);
    for (const other of this.#assembling) this.#giveCredit(other);
  }

  /** Lets the other side send on, once half of the window is used. */
  #giveCredit(channel: IncomingChannel): void {
    const { windowBytes, maxMessageBytes } = this.config;
    const { parts } = channel;
    let limit = channel.taken + windowBytes;
    // The pieces of a message count as taken until it is complete; but of several messages, only those of the oldest go on when
    // together they are too long.
    if (parts !== undefined && (this.#assembling[0] === channel || this.#assemblingBytes <= maxMessageBytes))
      limit += parts.byteLength + MESSAGE_COST;
    if (limit - channel.limit < windowBytes / 2 || channel.isRefused) return;
    channel.limit = limit;
    this.control(CREDIT_RECORD, channel.number, limit);
  }

  #control(link: Link, head: number, reader: WireReader): boolean {
    const { config, owner, outgoing } = this;
    const { handler } = config;
    if (head === END_RECORD) {
      const { code, reason } = readEnd(reader);
      if (!reader.isBad) this.closedByPeer(link, code, this.decode(reason) ?? "");
      return !reader.isBad;
    }
    if (head > END_RECORD) return (head & SKIPPABLE_RECORD) !== 0;
    const number = reader.varint();
    const incoming = this.#incoming.get(number);
    const sending = outgoing.get(number);
    const value = head === REFUSE_CHANNEL_RECORD || head === CREDIT_RECORD ? reader.varint() : 0;
    const { at, end } = reader;
    if (reader.isBad) return false;
    if (head === OPEN_CHANNEL_RECORD) {
      const name = this.decode(reader.take(end - at));
      if (
        incoming !== undefined ||
        this.#refused?.has(number) === true ||
        name === undefined ||
        end - at > MAX_NAME_BYTES
      )
        return false;
      if (this.#incoming.size + this.#heldChannels > config.maxChannels) return this.#refuse(number);
      const channel = new IncomingChannel(name, number, config.windowBytes);
      this.#incoming.set(channel);
      handler.channelOpened(owner, channel);
    } else if (head === CLOSE_CHANNEL_RECORD) {
      if (incoming === undefined) return this.#refused?.delete(number) === true;
      if (number === 0) return false;
      this.#forgetParts(incoming);
      this.#incoming.delete(number);
      if (handler.channelClosed(owner, incoming) === "held") this.#heldChannels++;
    } else if (head === SIGNAL_RECORD) {
      if (end - at > MAX_SIGNAL_BYTES) return false;
      handler.signal(owner, number, reader.bytes, at, end);
    } else if (sending !== undefined) {
      if (head === CREDIT_RECORD) this.raiseLimit(sending, value);
      else if (sending.closedBy === 0) {
        this.giveUp(sending);
        this.closeChannel(sending);
        handler.channelRefused(owner, sending, value);
        if (this.queuedCount === 0) this.emptied();
      }
    }
    return true;
  }

  /** A channel that is one too many is nothing but its number, until its sender closes it. */
  #refuse(number: number): boolean {
    this.#refused ??= new Set();
    if (this.#refused.size >= REFUSED_CHANNELS * this.config.maxChannels) return false;
    this.#refused.add(number);
    this.control(REFUSE_CHANNEL_RECORD, number, OVERFLOW_CODE);
    return true;
  }

  protected decode(bytes: Uint8Array): string | undefined {
    return this.config.host.utf8Decode(bytes, 0, bytes.length);
  }
}
