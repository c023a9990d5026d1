import { ByteQueue } from "../../core/byte-queue.js";
import type { ChannelOptions, MessageOptions, SendStatus } from "../peer-port.js";
import { DRAIN_ABOVE_BYTES } from "../transport-port.js";
import { type EndPacket, endBlock, endBody, readEnd } from "../wire/end-packet.js";
import {
  ControlRecord,
  PacketType,
  RecordBit,
  SKIPPABLE_PACKET,
  SKIPPABLE_RECORD,
} from "../wire/packet-type.js";
import { actionOf, SessionCode } from "../wire/session-code.js";
import { writeVarint } from "../wire/varint.js";
import { WireReader } from "../wire/wire-reader.js";
import { Heartbeat } from "./heartbeat.js";
import { IncomingChannel } from "./incoming-channel.js";
import type { Link, LinkUser } from "./link.js";
import { OutgoingChannel } from "./outgoing-channel.js";
import type { QueuedMessage } from "./queued-message.js";
import { MESSAGE_COST, RecordLog } from "./record-log.js";
import type { SessionConfig } from "./session-config.js";
import type { SessionHandler } from "./session-handler.js";
import { unconfirmedMessages } from "./unconfirmed-messages.js";

/** So much that came is acknowledged alone, without waiting for something to carry it. */
const ACK_AFTER_BYTES = 65_536;
/** What records between the machines may take beyond what messages may: credit and the like, which waits for no room. */
const CONTROL_ROOM_BYTES = 65_536;
/** The longest name of a channel, in bytes. */
const MAX_NAME_BYTES = 256;
/** The longest signal, in bytes. */
const MAX_SIGNAL_BYTES = 8_192;
/** The longest id of a message, in bytes. */
const MAX_ID_BYTES = 32;
const NO_BYTES: Uint8Array = new Uint8Array(0);
/** For packets that are written and forgotten: transports copy. */
const scratch: Uint8Array = new Uint8Array(16);

/**
 * One side of a session, without I/O: what is common to client and server. Blocks come in through its links, calls of the
 * handler and of the transports go out. It has no timer: call {@link handleTimeout} at {@link deadlineMs}. Bytes from the
 * other side never make it throw: what breaks a rule drops the transport, or ends the session, with a code.
 */
export abstract class SessionMachine<Owner, Handler extends SessionHandler<Owner>> implements LinkUser {
  /** What all sessions of an endpoint share. */
  readonly config: SessionConfig<Handler>;
  /** What the handler is told this session belongs to. */
  readonly owner: Owner;
  /** The id, 16 bytes. */
  readonly id: Uint8Array;
  /** The secret, 16 bytes. */
  readonly token: Uint8Array;
  /** The channel that every session has, for sending. */
  readonly channel: OutgoingChannel;
  /** The link that carries the session; undefined while suspended. */
  active: Link | undefined = undefined;
  /** Whether the session has ended. */
  isEnded = false;
  /** Whether a transport ever carried the session. */
  protected wasLive = false;
  protected links: Link[] = [];
  protected readonly log: RecordLog;
  protected readonly heartbeat: Heartbeat;
  /** The number of the last record that came. */
  protected received = 0;
  /** The longest message that the other side takes. */
  #peerMaxBytes = Infinity;
  /** Up to this, a message leaves in one record, and is not too long, however its text is encoded. */
  #shortBytes: number;
  /** How much may be sent on a new channel. */
  #peerWindowBytes = 0;
  /** How much may be put into the log without a look at anything else. */
  #room = 0;
  #lastChannel = 0;
  /** All but the one that every session has. */
  #outgoing: Map<number, OutgoingChannel> | undefined = undefined;
  /** Those that have something to send, and may. */
  readonly #turns: OutgoingChannel[] = [];
  /** Those whose sender waits for room. */
  #unready: Set<OutgoingChannel> | undefined = undefined;
  /** Closed, and not known to be by the other side. */
  #closed: OutgoingChannel[] = [];
  #queuedCount = 0;
  #queuedCost = 0;
  /** What of this session is in the budget. */
  #reportedCost = 0;
  readonly #mainChannel: IncomingChannel;
  #incoming: Map<number, IncomingChannel> | undefined = undefined;
  /** Those with a message that is not complete, the oldest first. */
  #assembling: Set<IncomingChannel> | undefined = undefined;
  #assemblingBytes = 0;
  /** The last acknowledgement that went out over the active link; -1 if it is to be repeated. */
  #acknowledged = 0;
  #unacknowledgedBytes = 0;
  #ackDueMs = Infinity;
  #closeDueMs = Infinity;
  #closing: { readonly code: number; readonly reason: string; record: number } | undefined = undefined;
  #isFlushWanted = false;
  #deadlineMs = Infinity;

  /** @internal */
  protected constructor(
    config: SessionConfig<Handler>,
    owner: Owner,
    id: Uint8Array,
    token: Uint8Array,
    isServer: boolean,
  ) {
    this.config = config;
    this.owner = owner;
    this.id = id;
    this.token = token;
    this.#shortBytes = config.pieceBytes;
    this.log = new RecordLog(config.host, config.pieceBytes);
    this.heartbeat = new Heartbeat(config, isServer);
    this.#mainChannel = new IncomingChannel("", 0, config.windowBytes);
    this.channel = this.#newChannel("", {});
  }

  /** What the other side said about itself in its first packet. */
  protected meet(windowBytes: number, maxMessageBytes: number): void {
    this.#peerWindowBytes = windowBytes;
    this.#peerMaxBytes = maxMessageBytes;
    this.#shortBytes = Math.min(this.config.pieceBytes, maxMessageBytes);
    for (const channel of this.#allOutgoing()) this.#raiseLimit(channel, windowBytes);
  }

  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  get roundTripMs(): number | undefined {
    return this.heartbeat.roundTripMs;
  }

  /** How much is kept of what was sent and is not confirmed, in bytes, each message counting 64 more. */
  get outboxBytes(): number {
    return this.log.cost + this.#queuedCost;
  }

  /** When {@link handleTimeout} is to be called, on the clock of the host; Infinity for never. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  // --- Sending -------------------------------------------------------------------------------------------------

  /** Opens a channel for sending. Every call opens another one, also under a name that is open. */
  openChannel(name: string, options: ChannelOptions = {}): OutgoingChannel {
    const channel = this.#newChannel(name, options);
    this.#outgoing ??= new Map();
    this.#outgoing.set(channel.number, channel);
    this.#control(
      ControlRecord.openChannel,
      channel.number,
      -1,
      this.#encode(name).subarray(0, MAX_NAME_BYTES),
    );
    return channel;
  }

  /** Nothing more is sent on a channel; what waits is sent before. */
  closeChannel(channel: OutgoingChannel): void {
    if (channel.isClosed || channel === this.channel) return;
    channel.isClosed = true;
    if (channel.first === undefined) this.#sayClosed(channel);
  }

  /** Takes nothing more of what comes on a channel; the sender is told. */
  refuseChannel(channel: IncomingChannel, code: number): void {
    if (channel.isRefused) return;
    channel.isRefused = true;
    this.#forgetParts(channel);
    this.#control(ControlRecord.refuseChannel, channel.number, code, NO_BYTES);
  }

  /**
   * Sends a message: strings are text, bytes binary. Bytes above `pieceBytes` that do not leave at once are not copied: they
   * must not change until they are confirmed. An id has 1 to 32 bytes.
   */
  send(channel: OutgoingChannel, data: string | Uint8Array, options?: MessageOptions): SendStatus {
    if (channel.isClosed || this.#closing !== undefined || this.isEnded) return "closed";
    const isText = typeof data === "string";
    const { length } = data;
    // Text takes up to three bytes a character; what may be long takes the long way.
    const mostBytes = isText ? 3 * length : length;
    if (
      mostBytes <= this.#room &&
      mostBytes <= this.#shortBytes &&
      channel.first === undefined &&
      channel.sent < channel.limit
    ) {
      this.#room -= length + MESSAGE_COST;
      const head = isText ? 0 : RecordBit.binary;
      channel.sent += this.log.append(head, channel.number, options?.id, data, 0, length) + MESSAGE_COST;
      if (!this.#isFlushWanted) this.wantFlush();
      return "sent";
    }
    return this.#enqueue(channel, data, options?.id, options?.key);
  }

  /** Says something to the layer above on the other side, at once. At most 8,192 bytes; more is not said. */
  signal(code: number, bytes: Uint8Array): void {
    if (bytes.length <= MAX_SIGNAL_BYTES) this.#control(ControlRecord.signal, code, -1, bytes);
  }

  /** Writes what is to be sent. To be called when the handler was told `wantsFlush`. */
  flush(): void {
    this.#isFlushWanted = false;
    const link = this.active;
    if (link === undefined) return;
    const { log, config } = this;
    const { transport } = link;
    let hasWritten = false;
    while (transport.bufferedBytes <= DRAIN_ABOVE_BYTES) {
      while (this.#turns.length > 0 && log.isFilling && log.cost < config.maxInFlightBytes) this.#takeTurn();
      const batch = log.cursor;
      if (batch === undefined) break;
      const start = log.seal(batch, this.received);
      transport.send(batch.bytes, start, batch.end);
      hasWritten = true;
    }
    if (hasWritten) {
      this.#acknowledgedAll();
      const { heartbeat } = this;
      heartbeat.expect(config.host.nowMs());
      this.wake(heartbeat.dueMs);
    } else if (this.received !== this.#acknowledged) {
      if (this.#unacknowledgedBytes >= ACK_AFTER_BYTES) this.#acknowledge(link);
      else if (this.#ackDueMs === Infinity) {
        this.#ackDueMs = config.host.nowMs() + config.ackDelayMs;
        this.wake(this.#ackDueMs);
      }
    }
    this.#room =
      this.#turns.length > 0 || config.budget.heldBytes > config.budget.maxBytes
        ? 0
        : Math.min(config.maxInFlightBytes - log.cost, DRAIN_ABOVE_BYTES - transport.bufferedBytes);
    this.#settle();
  }

  #encode(text: string): Uint8Array {
    const bytes = this.config.host.allocate(3 * text.length);
    return bytes.subarray(0, this.config.host.utf8Write(text, bytes, 0));
  }

  #newChannel(name: string, options: ChannelOptions): OutgoingChannel {
    return new OutgoingChannel(
      name,
      this.channel === undefined ? 0 : ++this.#lastChannel,
      options.policy ?? "block",
      options.maxQueuedBytes ?? this.config.maxOutboxBytes,
      options.highWaterMarkBytes ?? DRAIN_ABOVE_BYTES,
      this.#peerWindowBytes,
    );
  }

  #allOutgoing(): OutgoingChannel[] {
    return [this.channel, ...(this.#outgoing?.values() ?? [])];
  }

  /** The long way: what does not leave at once waits on its channel, or does not fit. */
  #enqueue(
    channel: OutgoingChannel,
    data: string | Uint8Array,
    id: Uint8Array | undefined,
    key: string | undefined,
  ): SendStatus {
    const { policy } = channel;
    const { pieceBytes } = this.config;
    const cost = data.length + MESSAGE_COST;
    const isKeyed = policy === "latest-per-key" && key !== undefined;
    const dropsOldest = policy === "drop-oldest" || policy === "latest-per-key";
    if (isKeyed) channel.keys ??= new Map();
    let old = isKeyed ? channel.keys!.get(key) : undefined;
    let dropped = 0;
    while (data.length > this.#peerMaxBytes || !this.#fits(channel, cost, old)) {
      if (dropsOldest && data.length <= this.#peerMaxBytes && this.#dropOldest(channel)) {
        dropped++;
        old = isKeyed ? channel.keys!.get(key) : undefined;
        continue;
      }
      if (data.length <= this.#peerMaxBytes) this.#makeUnready(channel);
      this.#tellDropped(channel, dropped + 1);
      if (policy === "disconnect" && this.active !== undefined)
        this.detach(this.active, SessionCode.tooSlow, "reads too slowly");
      return "dropped";
    }
    // Long bytes stay the caller's; short ones may change before their turn comes.
    const kept = typeof data !== "string" && data.length <= pieceBytes ? new Uint8Array(data) : data;
    if (old !== undefined) {
      dropped++;
      this.#count(channel, cost - old.cost, cost - old.counted);
      old.data = kept;
      old.isText = typeof data === "string";
      old.id = id;
      old.cost = old.counted = cost;
    } else {
      const message: QueuedMessage = {
        data: kept,
        isText: typeof data === "string",
        id,
        key: isKeyed ? key : undefined,
        cost,
        counted: channel.first === undefined ? Math.min(cost, pieceBytes) : cost,
        offset: 0,
        next: undefined,
      };
      if (channel.final === undefined) channel.first = message;
      else channel.final.next = message;
      channel.final = message;
      if (isKeyed) channel.keys!.set(key, message);
      this.#queuedCount++;
      this.#count(channel, cost, message.counted);
      this.#giveTurn(channel);
    }
    this.#settle();
    if (dropped > 0) this.#tellDropped(channel, dropped);
    if (channel.queuedBytes <= channel.highWaterMarkBytes) return "sent";
    this.#makeUnready(channel);
    return "queued";
  }

  /** Its sender is to be told when there is room. */
  #makeUnready(channel: OutgoingChannel): void {
    this.#unready ??= new Set();
    this.#unready.add(channel);
  }

  /** Whether a message may wait, in place of `old` if there is one. */
  #fits(channel: OutgoingChannel, cost: number, old: QueuedMessage | undefined): boolean {
    const { config, log } = this;
    // Long ones that are alone on their channel are the caller's bytes, and leave piece by piece.
    const counted =
      (channel.first === undefined ? Math.min(cost, config.pieceBytes) : cost) - (old?.counted ?? 0);
    return (
      (channel.first === undefined ||
        channel.queuedBytes + cost - (old?.cost ?? 0) <= channel.maxQueuedBytes) &&
      this.outboxBytes + counted <= config.maxOutboxBytes &&
      log.last - log.confirmed + this.#queuedCount < config.maxOutboxMessages &&
      config.budget.heldBytes + counted <= config.budget.maxBytes
    );
  }

  #count(channel: OutgoingChannel, cost: number, counted: number): void {
    channel.queuedBytes += cost;
    this.#queuedCost += counted;
  }

  #tellDropped(channel: OutgoingChannel, count: number): void {
    channel.dropped += count;
    this.config.handler.dropped(this.owner, channel, count);
  }

  /** Drops the oldest message of which nothing has left; false if there is none. */
  #dropOldest(channel: OutgoingChannel): boolean {
    const { first } = channel;
    if (first === undefined || (first.offset > 0 && first.next === undefined)) return false;
    this.#unlink(channel, first.offset > 0 ? first : undefined);
    return true;
  }

  /** Takes the first message out of the line, or the one behind `previous`. */
  #unlink(channel: OutgoingChannel, previous?: QueuedMessage): void {
    const message = previous === undefined ? channel.first! : previous.next!;
    if (previous === undefined) channel.first = message.next;
    else previous.next = message.next;
    if (channel.final === message) channel.final = previous;
    this.#queuedCount--;
    this.#count(channel, -message.cost, -message.counted);
    if (message.key !== undefined) channel.keys!.delete(message.key);
  }

  #giveTurn(channel: OutgoingChannel): void {
    if (channel.takesTurns || channel.sent >= channel.limit) return;
    channel.takesTurns = true;
    this.#turns.push(channel);
    this.#room = 0;
    this.wantFlush();
  }

  /** The next channel in the round sends a piece, or as many short messages. */
  #takeTurn(): void {
    const channel = this.#turns.shift()!;
    channel.takesTurns = false;
    let left = this.config.pieceBytes;
    while (channel.first !== undefined) {
      if (left <= 0 || channel.sent >= channel.limit) {
        this.#giveTurn(channel);
        return;
      }
      left -= this.#sendQueued(channel, channel.first);
    }
    if (channel.isClosed) this.#sayClosed(channel);
    this.#sayEnd();
  }

  /** Sends a message that waited, or the next piece of it; returns how much that is. */
  #sendQueued(channel: OutgoingChannel, message: QueuedMessage): number {
    const { log } = this;
    const { pieceBytes } = this.config;
    const { isText, offset } = message;
    if (message.key !== undefined) {
      channel.keys!.delete(message.key);
      message.key = undefined;
    }
    if (typeof message.data === "string" && 3 * message.data.length > this.#shortBytes)
      message.data = this.#encode(message.data);
    const { data } = message;
    if (data.length > this.#peerMaxBytes) {
      this.#unlink(channel);
      this.#tellDropped(channel, 1);
      return 0;
    }
    const end = Math.min(data.length, offset + pieceBytes);
    const isLast = end === data.length;
    const head =
      (isText ? 0 : RecordBit.binary) |
      (isLast ? 0 : RecordBit.more) |
      (offset === 0 ? 0 : RecordBit.continued);
    const id = offset === 0 ? message.id : undefined;
    const byteLength = log.append(head, channel.number, id, data, offset, end);
    const cost = byteLength + (offset === 0 ? MESSAGE_COST : 0);
    channel.sent += cost;
    message.offset = end;
    if (isLast) {
      if (offset > 0) log.addMessage(message);
      this.#unlink(channel);
    }
    return cost;
  }

  /** A record between the machines, or `signal`: numbered and kept as messages are. */
  #control(head: number, number: number, extra: number, rest: Uint8Array): void {
    if (this.isEnded) return;
    const body = new Uint8Array(16 + rest.length);
    let at = writeVarint(body, 0, number);
    if (extra >= 0) at = writeVarint(body, at, extra);
    body.set(rest, at);
    this.#append(head, body, at + rest.length);
  }

  #append(head: number, body: Uint8Array, end: number): void {
    const { log, config } = this;
    log.append(head, 0, undefined, body, 0, end);
    this.wantFlush();
    // They wait for no room. Whoever never confirms gets no more of them.
    if (log.cost > config.maxInFlightBytes + config.maxOutboxBytes + CONTROL_ROOM_BYTES)
      this.end(SessionCode.overflow, "nothing is confirmed");
  }

  #sayClosed(channel: OutgoingChannel): void {
    if (channel.closedBy > 0 || channel === this.channel) return;
    this.#control(ControlRecord.closeChannel, channel.number, -1, NO_BYTES);
    channel.closedBy = this.log.last;
    this.#closed.push(channel);
  }

  #sayEnd(): void {
    const closing = this.#closing;
    if (closing === undefined || closing.record > 0 || this.#queuedCount > 0) return;
    closing.record = this.log.last + 1;
    const body = endBody(closing.code, this.#encode(closing.reason));
    this.#append(ControlRecord.end, body, body.length);
  }

  #raiseLimit(channel: OutgoingChannel, limit: number): void {
    if (limit <= channel.limit) return;
    channel.limit = limit;
    if (channel.first !== undefined) this.#giveTurn(channel);
  }

  /** Brings the budget up to date, and tells those who wait for room. */
  #settle(): void {
    const cost = this.isEnded ? 0 : this.outboxBytes;
    this.config.budget.heldBytes += cost - this.#reportedCost;
    this.#reportedCost = cost;
    const unready = this.#unready;
    if (unready === undefined || unready.size === 0) return;
    const { maxOutboxBytes, maxOutboxMessages } = this.config;
    if (this.#queuedCost > maxOutboxBytes / 2 || this.#queuedCount > maxOutboxMessages / 2) return;
    for (const channel of unready) {
      if (channel.queuedBytes > channel.highWaterMarkBytes) continue;
      unready.delete(channel);
      this.config.handler.ready(this.owner, channel);
    }
  }

  // --- Receiving -----------------------------------------------------------------------------------------------

  /** @internal Part of {@link LinkUser}. */
  linkBlock(link: Link, bytes: Uint8Array, start: number, end: number): void {
    link.isProven = true;
    if (link === this.active) this.heartbeat.heard = true;
    let isGood = start < end;
    let at = start;
    while (isGood && at < end && link.state !== "gone") {
      const type = bytes[at]!;
      const reader = new WireReader(bytes, at + 1, end);
      if (type === PacketType.data) {
        isGood = link.state !== "opening" && this.#data(link, reader);
        break;
      }
      const length = reader.varint();
      at = reader.at + length;
      if (reader.isBad || at > end) isGood = false;
      else {
        reader.end = at;
        isGood = this.#packet(link, type, reader) && !reader.isBad;
      }
    }
    if (!isGood) this.detach(link, SessionCode.badPacket, "a packet that breaks the rules");
  }

  /** @internal Part of {@link LinkUser}. */
  linkDrained(): void {
    this.wantFlush();
  }

  /** @internal Part of {@link LinkUser}. */
  linkLost(link: Link): void {
    if (link !== this.active) return;
    this.log.rewind();
    this.#acknowledged = -1;
    this.wantFlush();
  }

  /** @internal Part of {@link LinkUser}. */
  linkClosed(link: Link, code: number, reason: string): void {
    this.#leave(link, code === 0 ? SessionCode.lost : code, reason, 0, 0, false);
  }

  /** A packet that only one of the two sides understands; undefined if it does not, false if it breaks a rule. */
  protected abstract packet(link: Link, type: number, reader: WireReader): boolean | undefined;

  /** A link is gone; `link.state` was `state`. Another one may carry the session, or none any more. */
  protected abstract lostLink(link: Link, wasActive: boolean, end: EndPacket, reason: string): void;

  #packet(link: Link, type: number, reader: WireReader): boolean {
    const { at, end, bytes } = reader;
    if (type === PacketType.reset || type === PacketType.leave) {
      const packet = readEnd(reader);
      if (reader.isBad) return false;
      const reason = this.config.host.utf8Decode(packet.reason, 0, packet.reason.length) ?? "";
      const { code } = packet;
      link.transport.close(code, reason);
      this.#leave(link, code, reason, packet.notBeforeMs, packet.spreadMs, type === PacketType.reset);
      return true;
    }
    const known = this.packet(link, type, reader);
    if (known !== undefined) return known;
    if (link.state === "opening") return (type & SKIPPABLE_PACKET) !== 0;
    if (type === PacketType.ack) return this.confirm(reader.varint());
    if (type === PacketType.ping) {
      if (end === at || end - at > 8) return false;
      scratch[0] = PacketType.pong;
      scratch[1] = end - at;
      scratch.set(bytes.subarray(at, end), 2);
      link.transport.send(scratch, 0, 2 + end - at);
      return true;
    }
    if (type === PacketType.pong) {
      if (link === this.active && end === at + 1) {
        this.heartbeat.answered(bytes[at]!, this.config.host.nowMs());
        this.wake(this.heartbeat.dueMs);
      }
      return true;
    }
    return (type & SKIPPABLE_PACKET) !== 0;
  }

  /** The packet with the records. False for what is the fault of the transport. */
  #data(link: Link, reader: WireReader): boolean {
    const { bytes, end } = reader;
    const start = reader.at;
    const confirmed = reader.varint();
    let number = reader.varint();
    if (reader.isBad || reader.at === end || number === 0 || number > this.received + 1) return false;
    if (!this.confirm(confirmed)) return false;
    this.#unacknowledgedBytes += end - start;
    this.heartbeat.busy = true;
    // It does not know that these came already.
    if (number <= this.received) this.#acknowledged = -1;
    let at = reader.at;
    while (at < end && link.state !== "gone") {
      const head = bytes[at]!;
      let payload = at + 2;
      let length = bytes[at + 1]!;
      if (length >= 0x80 && payload < end) {
        length += (bytes[payload]! - 1) * 0x80;
        if (bytes[payload++]! - 1 >= 0x7f || length < 0x80) length = -1;
      }
      // The short way of what comes most: a whole message on channel 0, below 16 KiB.
      if (head <= RecordBit.binary && length >= 0 && payload <= end) {
        at = payload + length;
        if (at > end) return false;
        if (number > this.received) {
          this.received = number;
          this.#message(this.#mainChannel, head === 0, bytes, payload, at, undefined);
        }
      } else {
        reader.at = at;
        if (!this.#record(link, reader, number)) return false;
        at = reader.at;
      }
      number++;
    }
    this.wantFlush();
    return true;
  }

  /** A record of any kind. False if it cannot be read. */
  #record(link: Link, reader: WireReader, number: number): boolean {
    const { bytes } = reader;
    const head = bytes[reader.at++]!;
    const isControl = head >= ControlRecord.openChannel;
    const hasChannel = !isControl && (head & RecordBit.channel) !== 0;
    const channelNumber = hasChannel ? reader.varint() : 0;
    const id = !isControl && (head & RecordBit.id) !== 0 ? reader.field(MAX_ID_BYTES) : undefined;
    const length = reader.varint();
    const start = reader.at;
    if (!reader.skip(length)) return false;
    if (number <= this.received) return true;
    this.received = number;
    const isGood = isControl
      ? this.#controlRecord(link, head, new WireReader(bytes, start, reader.at))
      : (hasChannel ? channelNumber > 0 : true) &&
        id?.length !== 0 &&
        this.#piece(head, channelNumber, id, bytes, start, reader.at);
    if (!isGood) this.#fault();
    return true;
  }

  #fault(): void {
    this.end(SessionCode.badMessage, "a message that breaks the rules");
  }

  /** A message is whole within its record. */
  #message(
    channel: IncomingChannel,
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: Uint8Array | undefined,
  ): void {
    const cost = end - start + MESSAGE_COST;
    if (channel.received >= channel.limit || end - start > this.config.maxMessageBytes) {
      this.#fault();
      return;
    }
    channel.received += cost;
    if (this.config.handler.message(this.owner, channel, isText, bytes, start, end, id)) {
      channel.taken += cost;
      if (channel.limit - channel.taken <= this.config.windowBytes / 2) this.#giveCredit(channel);
    }
  }

  /** A record of a message with something about it: a channel, an id, more than one piece. */
  #piece(
    head: number,
    number: number,
    id: Uint8Array | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const channel = number === 0 ? this.#mainChannel : this.#incoming?.get(number);
    const isContinued = (head & RecordBit.continued) !== 0;
    const isText = (head & RecordBit.binary) === 0;
    const isLast = (head & RecordBit.more) === 0;
    if (head >= 2 * RecordBit.id || channel === undefined || (isContinued && id !== undefined)) return false;
    if (channel.isRefused) return true;
    if (isContinued !== (channel.parts !== undefined)) return false;
    if (isLast && !isContinued) {
      this.#message(channel, isText, bytes, start, end, id);
      return true;
    }
    if (channel.received >= channel.limit) return false;
    if (!isContinued) {
      channel.parts = new ByteQueue();
      channel.isText = isText;
      channel.id = id;
      channel.received += MESSAGE_COST;
      this.#assembling ??= new Set();
      this.#assembling.add(channel);
    }
    const parts = channel.parts!;
    const byteLength = parts.byteLength + end - start;
    if (channel.isText !== isText || (!isLast && end === start) || byteLength > this.config.maxMessageBytes)
      return false;
    channel.received += end - start;
    parts.append(bytes, start, end);
    this.#assemblingBytes += end - start;
    if (!isLast) {
      this.#giveCredit(channel);
      return true;
    }
    const whole = parts.concat();
    const { id: firstId } = channel;
    this.#forgetParts(channel);
    if (this.config.handler.message(this.owner, channel, isText, whole, 0, byteLength, firstId))
      this.taken(channel, byteLength);
    return true;
  }

  #forgetParts(channel: IncomingChannel): void {
    if (channel.parts === undefined) return;
    this.#assemblingBytes -= channel.parts.byteLength;
    channel.parts = undefined;
    channel.id = undefined;
    this.#assembling!.delete(channel);
    for (const other of this.#assembling!) this.#giveCredit(other);
  }

  /** A message for which the handler returned false is done with: its length in bytes. */
  taken(channel: IncomingChannel, byteLength: number): void {
    channel.taken += byteLength + MESSAGE_COST;
    this.#giveCredit(channel);
  }

  /** Lets the other side send on, once half of the window is used. */
  #giveCredit(channel: IncomingChannel): void {
    const { windowBytes, maxMessageBytes } = this.config;
    let limit = channel.taken + windowBytes;
    // The pieces of a message count as taken until it is complete; but of several messages, only those of the oldest go on when
    // together they are too long.
    if (channel.parts !== undefined) {
      const isOldest = this.#assembling!.values().next().value === channel;
      if (isOldest || this.#assemblingBytes <= maxMessageBytes)
        limit += channel.parts.byteLength + MESSAGE_COST;
    }
    if (limit - channel.limit < windowBytes / 2 || channel.isRefused) return;
    channel.limit = limit;
    this.#control(ControlRecord.credit, channel.number, limit, NO_BYTES);
  }

  #controlRecord(link: Link, head: number, reader: WireReader): boolean {
    const { config, owner } = this;
    const { handler, host } = config;
    const { bytes } = reader;
    if (head === ControlRecord.end) {
      const { code, reason } = readEnd(reader);
      if (reader.isBad) return false;
      this.#acknowledge(link);
      this.#finish(code, host.utf8Decode(reason, 0, reason.length) ?? "", false);
      return true;
    }
    const number = reader.varint();
    const incoming = this.#incoming?.get(number);
    switch (head) {
      case ControlRecord.openChannel: {
        const name = host.utf8Decode(bytes, reader.at, reader.end);
        this.#incoming ??= new Map();
        if (
          reader.isBad ||
          number === 0 ||
          incoming !== undefined ||
          name === undefined ||
          reader.end - reader.at > MAX_NAME_BYTES ||
          this.#incoming.size >= config.maxChannels
        )
          return false;
        const channel = new IncomingChannel(name, number, config.windowBytes);
        this.#incoming.set(number, channel);
        handler.channelOpened(owner, channel);
        return true;
      }
      case ControlRecord.closeChannel:
        if (reader.isBad || incoming === undefined) return false;
        this.#forgetParts(incoming);
        this.#incoming!.delete(number);
        handler.channelClosed(owner, incoming);
        return true;
      case ControlRecord.refuseChannel:
      case ControlRecord.credit: {
        const value = reader.varint();
        const channel = number === 0 ? this.channel : this.#outgoing?.get(number);
        if (reader.isBad) return false;
        if (channel === undefined) return true;
        if (head === ControlRecord.credit) this.#raiseLimit(channel, value);
        else this.#refused(channel, value);
        return true;
      }
      case ControlRecord.signal:
        if (reader.isBad || reader.end - reader.at > MAX_SIGNAL_BYTES) return false;
        handler.signal(owner, number, bytes, reader.at, reader.end);
        return true;
      default:
        return (head & SKIPPABLE_RECORD) !== 0;
    }
  }

  #refused(channel: OutgoingChannel, code: number): void {
    if (channel.closedBy > 0) return;
    const count = this.#queuedCount;
    while (channel.first !== undefined) this.#unlink(channel);
    channel.isClosed = true;
    this.#sayClosed(channel);
    if (this.#queuedCount < count) this.#tellDropped(channel, count - this.#queuedCount);
    this.config.handler.channelRefused(this.owner, channel, code);
    this.#sayEnd();
  }

  /** The other side has everything up to a record. False if it cannot have it. */
  protected confirm(number: number): boolean {
    const { log } = this;
    if (number <= log.confirmed) return true;
    if (!log.confirm(number)) return false;
    while (this.#closed.length > 0 && this.#closed[0]!.closedBy <= number)
      this.#outgoing!.delete(this.#closed.shift()!.number);
    const closing = this.#closing;
    if (closing !== undefined && closing.record > 0 && closing.record <= number)
      this.#finish(closing.code, closing.reason, false);
    else this.wantFlush();
    return true;
  }

  #acknowledgedAll(): void {
    this.#acknowledged = this.received;
    this.#unacknowledgedBytes = 0;
    this.#ackDueMs = Infinity;
  }

  #acknowledge(link: Link): void {
    this.#acknowledgedAll();
    this.sendNumber(link, PacketType.ack, this.received);
  }

  /** Sends a packet with nothing but a number in it. */
  protected sendNumber(link: Link, type: number, number: number): void {
    const end = writeVarint(scratch, 2, number);
    scratch[0] = type;
    scratch[1] = end - 2;
    link.transport.send(scratch, 0, end);
  }

  // --- Transports ----------------------------------------------------------------------------------------------

  /** Has a link carry the session; older ones are let go of. */
  protected activate(link: Link): void {
    for (const other of this.links) {
      if (other.epoch < link.epoch) this.#drop(other, SessionCode.fenced, "replaced");
    }
    link.state = "active";
    this.active = link;
    this.log.rewind();
    this.#acknowledged = this.received > 0 ? -1 : 0;
    this.heartbeat.start(this.config.host.nowMs());
    this.wake(this.heartbeat.dueMs);
    const isResumed = this.wasLive;
    this.wasLive = true;
    this.wantFlush();
    this.config.handler.live(this.owner, link, isResumed);
  }

  /** Lets go of a link; if it was the active one, the session is suspended. The other side is told why. */
  detach(link: Link, code: number, reason: string): void {
    if (link.state === "gone") return;
    const wasActive = link === this.active;
    this.#drop(link, code, reason);
    this.#afterLoss(link, wasActive, { code, notBeforeMs: 0, spreadMs: 0, reason: NO_BYTES }, reason);
  }

  /** Takes a link out, and ends its transport with a word to the other side. */
  #drop(link: Link, code: number, reason: string, notBeforeMs = 0, spreadMs = 0): void {
    this.#takeOut(link);
    const block = endBlock(PacketType.leave, code, this.#encode(reason), notBeforeMs, spreadMs);
    link.transport.send(block, 0, block.length);
    link.transport.close(code, reason);
  }

  #takeOut(link: Link): void {
    link.state = "gone";
    this.links = this.links.filter((other) => other !== link);
    if (link !== this.active) return;
    this.active = undefined;
    this.#room = 0;
    this.#ackDueMs = Infinity;
    this.heartbeat.stop();
  }

  /** The other side ended a transport, or it broke. */
  #leave(
    link: Link,
    code: number,
    reason: string,
    notBeforeMs: number,
    spreadMs: number,
    isReset: boolean,
  ): void {
    const wasActive = link === this.active;
    // Where another one is in use, a node that does not know the session has no say in it.
    if ((isReset || actionOf(code) !== "retry") && (wasActive || this.active === undefined)) {
      // What we closed and the other side forgot was closed in order, if nothing else is open.
      const isClosed = this.#closing !== undefined && this.#closing.record === this.log.confirmed + 1;
      this.#finish(code, reason, !isClosed);
      return;
    }
    this.#takeOut(link);
    this.#afterLoss(link, wasActive, { code, notBeforeMs, spreadMs, reason: NO_BYTES }, reason);
  }

  #afterLoss(link: Link, wasActive: boolean, end: EndPacket, reason: string): void {
    if (wasActive) this.config.handler.suspended(this.owner, end.code, reason);
    if (!this.isEnded) this.lostLink(link, wasActive, end, reason);
  }

  /** @internal Drops the active link with a wish when to come back. */
  protected sendLinkAway(
    link: Link,
    code: number,
    reason: string,
    notBeforeMs: number,
    spreadMs: number,
  ): void {
    this.#drop(link, code, reason, notBeforeMs, spreadMs);
    this.#afterLoss(link, true, { code, notBeforeMs, spreadMs, reason: NO_BYTES }, reason);
  }

  // --- Ending --------------------------------------------------------------------------------------------------

  /**
   * Closes the session in order: the other side is told behind all that was sent. `handler.ended` follows; after
   * `closeTimeoutMs` also if not everything was confirmed.
   */
  close(code: number = SessionCode.closed, reason = ""): void {
    if (this.#closing !== undefined || this.isEnded) return;
    this.#closing = { code, reason, record: 0 };
    if (!this.wasLive && this.outboxBytes === 0) {
      this.#sayReset(code, reason, 0, 0);
      this.#finish(code, reason, false);
      return;
    }
    this.#closeDueMs = this.config.host.nowMs() + this.config.closeTimeoutMs;
    this.wake(this.#closeDueMs);
    this.#sayEnd();
  }

  /** Ends the session at once; the other side is told if it can be. `handler.ended` is called before this returns. */
  end(code: number, reason: string, notBeforeMs = 0, spreadMs = 0): void {
    if (this.isEnded) return;
    this.#sayReset(code, reason, notBeforeMs, spreadMs);
    this.#finish(code, reason, true);
  }

  #sayReset(code: number, reason: string, notBeforeMs: number, spreadMs: number): void {
    const block = endBlock(PacketType.reset, code, this.#encode(reason), notBeforeMs, spreadMs);
    for (const { transport } of this.links) transport.send(block, 0, block.length);
  }

  /** The session is over, whoever said so. */
  #finish(code: number, reason: string, isReset: boolean): void {
    this.isEnded = true;
    const { links } = this;
    for (const link of links) {
      this.#takeOut(link);
      link.transport.close(code, reason);
    }
    const channels = new Map(this.#allOutgoing().map((channel) => [channel.number, channel]));
    const unconfirmed = unconfirmedMessages(this.log, channels, this.config.host);
    this.log.clear();
    for (const channel of channels.values()) {
      channel.first = channel.final = channel.keys = undefined;
      channel.queuedBytes = 0;
      channel.isClosed = true;
    }
    this.#queuedCost = this.#queuedCount = this.#turns.length = 0;
    this.#unready = undefined;
    this.#incoming = undefined;
    this.#deadlineMs = Infinity;
    this.#settle();
    this.config.handler.ended(this.owner, { code, reason, isReset, unconfirmed });
  }

  // --- Time ----------------------------------------------------------------------------------------------------

  /** The time is now: does what is due. To be called at {@link deadlineMs}. */
  handleTimeout(): void {
    const { config, heartbeat, active } = this;
    const nowMs = config.host.nowMs();
    const isLate = nowMs - this.#deadlineMs > config.sleepAfterMs;
    this.#deadlineMs = Infinity;
    if (this.#closeDueMs <= nowMs && this.#closing !== undefined)
      this.end(this.#closing.code, this.#closing.reason);
    if (this.isEnded) return;
    if (active !== undefined) {
      if (this.#ackDueMs <= nowMs) this.#acknowledge(active);
      const action = heartbeat.check(nowMs, isLate, this.log.head !== undefined);
      if (action === "ping") {
        this.log.letGo();
        this.#sendPing(active);
      } else if (action === "dead") this.detach(active, SessionCode.timeout, "nothing heard");
    }
    for (const link of [...this.links]) {
      if (link.state !== "active" && link.attachedMs + config.attachTimeoutMs <= nowMs)
        this.detach(link, SessionCode.timeout, "not used in time");
    }
    const dueMs = this.roleDue(nowMs);
    if (this.isEnded) return;
    this.#settle(); // what others held of the budget may be free
    this.wake(Math.min(dueMs, this.#ackDueMs, this.#closeDueMs, heartbeat.dueMs));
    for (const link of this.links) {
      if (link.state !== "active") this.wake(link.attachedMs + config.attachTimeoutMs);
    }
  }

  /** Does what is due on this side alone; returns when to be asked again. */
  protected abstract roleDue(nowMs: number): number;

  /** Asks the other side for a sign of life at once: the network has changed, the page was thawed. */
  probe(): void {
    const { active } = this;
    if (active === undefined) return;
    this.heartbeat.ask(this.config.host.nowMs());
    this.wake(this.heartbeat.dueMs);
    this.#sendPing(active);
  }

  #sendPing(link: Link): void {
    this.sendNumber(link, PacketType.ping, this.heartbeat.question);
  }

  /** Wants {@link handleTimeout} to be called at that time, if not before. */
  protected wake(dueMs: number): void {
    if (dueMs >= this.#deadlineMs) return;
    this.#deadlineMs = dueMs;
    this.config.handler.deadlineChanged(this.owner);
  }

  /** Wants {@link flush} to be called. */
  protected wantFlush(): void {
    if (this.#isFlushWanted || this.active === undefined) return;
    this.#isFlushWanted = true;
    this.config.handler.wantsFlush(this.owner);
  }
}
