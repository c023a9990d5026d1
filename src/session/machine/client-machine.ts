import type { ChannelOptions, MessageOptions, SendStatus } from "../peer-port.js";
import { DRAIN_ABOVE_BYTES, type Transport } from "../transport-port.js";
import { encodeFields, type Fields, HEADER_ROOM, scratch, writeFields } from "../wire/encode-fields.js";
import { MAX_REASON_BYTES, readEnd } from "../wire/end-packet.js";
import { IDENTITY_BYTES, MAX_OWNER_BYTES, PROBE_BIT, RESUME_BIT } from "../wire/open-packet.js";
import {
  ACK_PACKET,
  DATA_PACKET,
  LEAVE_PACKET,
  MAX_BLOCK_BYTES,
  OPEN_PACKET,
  PING_PACKET,
  PONG_PACKET,
  RESET_PACKET,
  SESSION_VERSION,
  SKIPPABLE_PACKET,
  USE_PACKET,
  WELCOME_PACKET,
} from "../wire/packet-type.js";
import {
  BINARY_BIT,
  CHANNEL_BIT,
  CLOSE_CHANNEL_RECORD,
  CONTINUED_BIT,
  CONTROL_RECORD,
  CREDIT_RECORD,
  END_RECORD,
  ID_BIT,
  MESSAGE_BITS,
  MORE_BIT,
  OPEN_CHANNEL_RECORD,
  REFUSE_CHANNEL_RECORD,
  SIGNAL_RECORD,
  SKIPPABLE_RECORD,
} from "../wire/record-head.js";
import { RecordReader } from "../wire/record-reader.js";
import {
  actionOf,
  BAD_MESSAGE_CODE,
  BAD_PACKET_CODE,
  CLOSED_CODE,
  FENCED_CODE,
  LOST_CODE,
  NOT_NEEDED_CODE,
  OVERFLOW_CODE,
  TIMEOUT_CODE,
  TOO_SLOW_CODE,
} from "../wire/session-code.js";
import { WireReader } from "../wire/wire-reader.js";
import { ClientChannel, type ClientMessage } from "./client-channel.js";
import type { ClientConfig } from "./client-config.js";
import type { IncomingChannel } from "./incoming-channel.js";
import type { SessionLink } from "./link.js";
import type { ReconnectDelays } from "./session-config.js";
import { MAX_NAME_BYTES, MAX_SIGNAL_BYTES, MESSAGE_COST } from "./session-rules.js";

/** A transport that carried the session for so long, in ms, worked: its end is no reason to hesitate. */
const WORKED_AFTER_MS = 5_000;
/** Records that are not confirmed are a question already; without an answer after this, in ms, one that must be answered. */
const UNCONFIRMED_MS = 2_500;
/** So much that came is acknowledged alone, without waiting for something to carry it. */
const ACK_AFTER_BYTES = 65_536;
/** What records between the machines may take beyond what messages may. */
const CONTROL_ROOM_BYTES = 65_536;
const MAX_PING_BYTES = 8;

/** A channel that the other side sends on. */
interface Incoming extends IncomingChannel {
  readonly parts: undefined;
  /** The pieces of the message that is not complete, with room for more; undefined if there is none. */
  pieces: Uint8Array | undefined;
  /** How long they are. */
  byteLength: number;
}

/** A record that has a number and is not confirmed. */
interface NumberedRecord {
  readonly fields: Fields;
  readonly cost: number;
  /** The message that ends with it, if one does. */
  readonly message: ClientMessage | undefined;
}

/**
 * The client's side of a session, without I/O: it begins, chooses the transports, and comes back. Blocks come in through its links, calls
 * of the handler and of the transports go out. It has no timer: call {@link handleTimeout} at {@link deadlineMs}. Bytes from
 * the other side never make it throw: what breaks a rule drops the transport, or ends the session, with a code.
 *
 * It says and takes what a server's machine does, and shares no code with it beyond the wire: that one is made for many sessions and much
 * traffic, this one to be short, since each page loads it. A record is an object here, and is encoded each time it is sent.
 */
export class ClientMachine {
  /** What it goes by. */
  readonly config: ClientConfig;
  /** The id, 16 bytes. */
  readonly id: Uint8Array;
  /** The channel that every session has, for sending. */
  readonly channel: ClientChannel;
  /** The link that carries the session; undefined while suspended. */
  active: SessionLink | undefined = undefined;
  /** Whether the session has ended. */
  isEnded = false;
  /** When {@link handleTimeout} is to be called, on the clock of the host; Infinity for never. */
  deadlineMs: number = Infinity;
  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  roundTripMs: number | undefined = undefined;
  /** Whether a transport ever carried the session. */
  wasLive = false;
  /** When `handler.dial` is called again, on the clock of the host; Infinity if it does not wait for that. */
  waitingUntilMs: number = Infinity;
  readonly #delays: ReconnectDelays;
  /** The id, and the secret behind it. */
  readonly #identity: Uint8Array;
  #links: SessionLink[] = [];
  /** The transport that another one replaced, until that one proves itself; what it still brings is not looked at. */
  #replaced: Transport | undefined;
  #epoch = 0;
  #liveSinceMs = 0;
  /** How often it was tried since a transport worked. */
  #failures: number;
  /** What the server said to transports that were of no use yet: how long to stay away. */
  #notBeforeMs = 0;
  /** What the server said in its first welcome: its name, the longest message, how much may be sent on a new channel. */
  #server: Uint8Array | undefined;
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

  readonly #incoming = new Map<number, Incoming>();
  /** Those with a message that is not complete, the oldest first. */
  #assembling: Incoming[] = [];
  #assemblingBytes = 0;
  /** The number of the last record that came. */
  #received = 0;
  /** How many bytes came that are not acknowledged over the active link. */
  #unacknowledgedBytes = 0;
  #ackDueMs = Infinity;

  /** When to look whether anything was heard. */
  #heartbeatDueMs = Infinity;
  #pingIntervalMs = 0;
  #wasHeard = false;
  /** When the last ping was sent, -1 if it was answered; and what it carries. */
  #askedMs = -1;
  #question = 0;

  /** How it is to be closed in order: code and reason, until when, and the number of the record that says so. */
  #isClosing = false;
  #closeCode = 0;
  #closeReason = "";
  #closeDueMs = Infinity;
  #lastRecord = 0;

  /**
   * With an id and a token of its own.
   * @param failures how many sessions before it came to nothing: the first delay is as after so many attempts.
   */
  constructor(config: ClientConfig, delays: ReconnectDelays, failures = 0) {
    const identity = config.host.randomBytes(2 * IDENTITY_BYTES);
    this.config = config;
    this.#delays = delays;
    this.#failures = failures;
    this.#identity = identity;
    this.id = identity.subarray(0, IDENTITY_BYTES);
    this.channel = this.#newChannel("", 0);
    this.#opened("", 0);
  }

  /** How much is kept of what was sent and is not confirmed, in bytes, each message counting 64 more. */
  get outboxBytes(): number {
    return this.#recordCost + this.#queuedCost;
  }

  // --- Sending -------------------------------------------------------------------------------------------------

  #newChannel(name: string, number: number, options: ChannelOptions = {}): ClientChannel {
    const { maxOutboxBytes } = this.config;
    const channel = new ClientChannel(this, name, number, maxOutboxBytes, options, this.#peerWindowBytes);
    channel.isClosed = this.isEnded;
    this.#outgoing.set(number, channel);
    return channel;
  }

  /** Opens a channel for sending. Every call opens another one, also under a name that is open. */
  openChannel(name: string, options?: ChannelOptions): ClientChannel {
    const channel = this.#newChannel(name, ++this.#lastChannel, options);
    this.#control(
      OPEN_CHANNEL_RECORD,
      channel.number,
      this.config.host.utf8Encode(name).subarray(0, MAX_NAME_BYTES),
    );
    return channel;
  }

  /** Nothing more is sent on a channel; what waits is sent before. */
  closeChannel(channel: ClientChannel): void {
    channel.isClosed = true;
    channel.tell(false);
    if (channel.queue.length > 0 || channel.closedBy > 0 || channel.number === 0 || this.isEnded) return;
    this.#control(CLOSE_CHANNEL_RECORD, channel.number);
    channel.closedBy = this.#confirmed + this.#records.length;
  }

  /**
   * Sends a message: strings are text, bytes binary. Bytes above `pieceBytes` are not copied: they must not change until they are
   * confirmed. An id has 1 to 32 bytes.
   */
  send(channel: ClientChannel, data: string | Uint8Array, options: MessageOptions = {}): SendStatus {
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
    const cost = length + MESSAGE_COST;
    // What has begun to leave stays.
    const first = queue.length > 0 && queue[0]!.offset > 0 ? 1 : 0;
    const key = policy === "latest-per-key" ? options.key : undefined;
    const isTooLong = length > this.#peerMaxBytes;
    let place = queue.length;
    let dropped = 0;
    if (key !== undefined && !isTooLong) {
      const old = queue.findIndex((message) => message.key === key);
      if (old >= 0) {
        this.#remove(channel, (place = old));
        dropped++;
      }
    }
    while (isTooLong || !this.#fits(channel, cost)) {
      if (isTooLong || (policy !== "drop-oldest" && policy !== "latest-per-key") || queue.length <= first) {
        if (!isTooLong) channel.wanted = cost;
        this.#tellDropped(channel, dropped + 1);
        if (policy === "disconnect" && this.active !== undefined) this.detach(this.active, TOO_SLOW_CODE);
        return "dropped";
      }
      this.#remove(channel, first);
      dropped++;
      place--;
    }
    const counted = this.#counted(channel, cost);
    const message: ClientMessage = {
      channel,
      data: bytes,
      isText,
      id: options.id,
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
      queue.splice(Math.max(place, first), 0, message);
      this.#count(message, 1);
    }
    this.#wantFlush();
    if (dropped > 0) this.#tellDropped(channel, dropped);
    if (channel.queuedBytes <= channel.highWaterMarkBytes) return "sent";
    channel.wanted = 0;
    return "queued";
  }

  /** Says something to the layer above on the other side, at once. At most 8,192 bytes; more is not said. */
  signal(code: number, bytes: Uint8Array): void {
    if (bytes.length <= MAX_SIGNAL_BYTES) this.#control(SIGNAL_RECORD, code, bytes);
  }

  /** Writes what is to be sent. To be called when the handler was told `wantsFlush`. */
  flush(): void {
    this.#isFlushWanted = false;
    const { active, config } = this;
    if (active === undefined) return;
    const { transport } = active;
    const nowMs = config.host.nowMs();
    let hasWritten = false;
    while (transport.bufferedBytes <= DRAIN_ABOVE_BYTES) {
      let next = this.#sentCount;
      const fields = [DATA_PACKET, this.#received, this.#confirmed + next + 1];
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
      let end = writeFields(fields);
      while (next < this.#sentCount) end = writeFields(this.#records[next++]!.fields, end);
      transport.send(scratch, HEADER_ROOM, end);
      hasWritten = true;
    }
    if (hasWritten) {
      this.#acknowledgedAll();
      this.#wasBusy();
      if (this.#askedMs < 0) this.#heartbeatDueMs = Math.min(this.#heartbeatDueMs, nowMs + UNCONFIRMED_MS);
    } else if (this.#unacknowledgedBytes >= ACK_AFTER_BYTES) this.#acknowledge(active);
    else if (this.#unacknowledgedBytes > 0)
      this.#ackDueMs = Math.min(this.#ackDueMs, nowMs + config.ackDelayMs);
    this.#wake(Math.min(this.#heartbeatDueMs, this.#ackDueMs));
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

  #wantFlush(): void {
    if (this.#isFlushWanted || this.active === undefined) return;
    this.#isFlushWanted = true;
    this.config.handler.wantsFlush();
  }

  #decode(bytes: Uint8Array): string | undefined {
    return this.config.host.utf8Decode(bytes, 0, bytes.length);
  }

  /** What a message counts in the session. A long one that is alone on its channel is the caller's bytes, and leaves in pieces. */
  #counted(channel: ClientChannel, cost: number): number {
    return channel.queue.length === 0 ? Math.min(cost, this.config.pieceBytes) : cost;
  }

  /** Whether a message may wait. */
  #fits(channel: ClientChannel, cost: number): boolean {
    const { maxOutboxBytes, maxOutboxMessages } = this.config;
    return (
      (channel.queue.length === 0 || channel.queuedBytes + cost <= channel.maxQueuedBytes) &&
      this.outboxBytes + this.#counted(channel, cost) <= maxOutboxBytes &&
      this.#records.length + this.#queuedCount < maxOutboxMessages
    );
  }

  #count({ channel, cost, counted }: ClientMessage, sign: number): void {
    channel.queuedBytes += sign * cost;
    this.#queuedCost += sign * counted;
    this.#queuedCount += sign;
  }

  /** Takes the message at a place out of the line. */
  #remove(channel: ClientChannel, at: number): void {
    this.#count(channel.queue.splice(at, 1)[0]!, -1);
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
  #control(head: number, ...fields: Fields): void {
    if (this.isEnded) return;
    const { maxInFlightBytes, maxOutboxBytes } = this.config;
    const body = bodyOf(fields);
    this.#number([Uint8Array.of(head), body.length, body], body.length);
    this.#wantFlush();
    // Whoever never confirms gets no more of them.
    if (this.#recordCost > maxInFlightBytes + maxOutboxBytes + CONTROL_ROOM_BYTES) this.end(OVERFLOW_CODE);
  }

  /** The other side has everything up to a record. False if it cannot have it. */
  #confirm(number: number): boolean {
    if (number > this.#written) return false;
    const count = number - this.#confirmed;
    if (count <= 0) return true;
    for (const { cost } of this.#records.splice(0, count)) this.#recordCost -= cost;
    this.#confirmed = number;
    this.#sentCount = Math.max(0, this.#sentCount - count);
    for (const { closedBy, number: channel } of this.#outgoing.values()) {
      if (closedBy > 0 && closedBy <= number) this.#outgoing.delete(channel);
    }
    if (this.#lastRecord > 0 && this.#lastRecord <= number)
      this.#finish(this.#closeCode, this.#closeReason, false);
    this.#wantFlush();
    return true;
  }

  // --- Receiving -----------------------------------------------------------------------------------------------

  #block(link: SessionLink, bytes: Uint8Array, start: number, end: number): void {
    if (link === this.active) {
      this.#wasHeard = true;
      this.#closeReplaced();
    }
    let isGood = start < end;
    let at = start;
    while (isGood && at < end && link.state !== "gone") {
      const type = bytes[at]!;
      const reader = new RecordReader(bytes, at + 1, end);
      if (type === DATA_PACKET) {
        isGood = link.state !== "opening" && this.#data(link, reader);
        break;
      }
      const length = reader.varint();
      const body = reader.at;
      isGood = reader.skip(length);
      at = reader.end = reader.at;
      reader.at = body;
      isGood &&= this.#packet(link, type, reader) && !reader.isBad;
    }
    if (!isGood) this.detach(link, BAD_PACKET_CODE);
  }

  /** A packet. False for what breaks a rule. */
  #packet(link: SessionLink, type: number, reader: WireReader): boolean {
    const { bytes, at, end } = reader;
    if (type === RESET_PACKET || type === LEAVE_PACKET) {
      const { code, notBeforeMs, spreadMs, reason } = readEnd(reader);
      if (!reader.isBad) {
        link.transport.close(code, "");
        const afterMs = notBeforeMs + this.config.host.random() * spreadMs;
        this.#lost(link, code, this.#decode(reason) ?? "", afterMs, type === RESET_PACKET);
      }
      return true;
    }
    if (type === WELCOME_PACKET) return this.#welcome(link, reader);
    if (link.state !== "opening") {
      if (type === ACK_PACKET) return this.#confirm(reader.varint());
      if (type === PING_PACKET) {
        if (end === at || end - at > MAX_PING_BYTES) return false;
        this.#say(link, PONG_PACKET, bytes.subarray(at, end));
        return true;
      }
      if (type === PONG_PACKET) {
        const nowMs = this.config.host.nowMs();
        if (link === this.active && this.#askedMs >= 0 && bytes[at] === this.#question) {
          this.#measured(nowMs - this.#askedMs);
          this.#quiet(nowMs, false);
          this.#wake(this.#heartbeatDueMs);
        }
        return true;
      }
    }
    return type >= SKIPPABLE_PACKET;
  }

  #welcome(link: SessionLink, reader: WireReader): boolean {
    const version = reader.varint();
    const received = reader.varint();
    const windowBytes = reader.varint();
    const maxMessageBytes = reader.varint();
    reader.varint(); // how long it keeps the session: it says itself when that is over
    const server = reader.field(MAX_OWNER_BYTES);
    if (reader.isBad || version !== SESSION_VERSION) return false;
    if (link.state !== "opening") return true; // repeated, since the server thought that it was lost
    if (this.#server === undefined) {
      this.#server = server;
      this.#peerWindowBytes = windowBytes;
      this.#peerMaxBytes = maxMessageBytes;
      for (const channel of this.#outgoing.values()) channel.limit = windowBytes;
    } else if (String(this.#server) !== String(server)) {
      this.detach(link, NOT_NEEDED_CODE);
      return true;
    }
    if (!this.#confirm(received)) return false;
    if (this.isEnded) return true;
    this.#measured(this.config.host.nowMs() - link.attachedMs);
    link.state = "standby";
    if (link.isProbe) this.config.handler.healthy(link);
    else this.#goLive(link);
    return true;
  }

  /** The packet with the records. False for what is the fault of the transport. */
  #data(link: SessionLink, reader: RecordReader): boolean {
    const start = reader.at;
    const confirmed = reader.varint();
    let number = reader.varint();
    if (
      reader.isBad ||
      reader.at === reader.end ||
      number === 0 ||
      number > this.#received + 1 ||
      !this.#confirm(confirmed)
    )
      return false;
    this.#unacknowledgedBytes += reader.end - start;
    this.#wasBusy();
    for (; reader.at < reader.end && link.state !== "gone"; number++) {
      if (!reader.next()) return false;
      if (number <= this.#received) continue;
      this.#received = number;
      if (!this.#record(link, reader)) this.end(BAD_MESSAGE_CODE);
    }
    this.#wantFlush();
    return true;
  }

  /** False for what breaks a rule, and would again. */
  #record(link: SessionLink, { head, channel: number, id, bytes, start, at: end }: RecordReader): boolean {
    if (head >= CONTROL_RECORD) return this.#controlled(link, head, new WireReader(bytes, start, end));
    const { config } = this;
    const { maxMessageBytes } = config;
    const channel = this.#incoming.get(number);
    const isContinued = (head & CONTINUED_BIT) !== 0;
    const isLast = (head & MORE_BIT) === 0;
    const isText = (head & BINARY_BIT) === 0;
    if (
      head > MESSAGE_BITS ||
      channel === undefined ||
      (number === 0) !== ((head & CHANNEL_BIT) === 0) ||
      (id !== undefined && (isContinued || id.length === 0))
    )
      return false;
    if (channel.isRefused) return true;
    const length = end - start;
    const byteLength = channel.byteLength + length;
    if (
      isContinued !== (channel.pieces !== undefined) ||
      channel.received >= channel.limit ||
      byteLength > maxMessageBytes ||
      (isContinued && ((channel.head ^ head) & BINARY_BIT) !== 0) ||
      (!isLast && length === 0)
    )
      return false;
    channel.received += length + (isContinued ? 0 : MESSAGE_COST);
    let message = bytes;
    let from = start;
    let to = end;
    let messageId = id;
    if (isContinued || !isLast) {
      if (!isContinued) {
        channel.head = head;
        channel.id = id;
        this.#assembling.push(channel);
      }
      let { pieces = bytes } = channel;
      if (!isContinued || byteLength > pieces.length) {
        // Twice as long each time, so that many short ones do not cost much more than their bytes.
        const longer = new Uint8Array(2 * byteLength);
        if (isContinued) longer.set(pieces);
        channel.pieces = pieces = longer;
      }
      pieces.set(bytes.subarray(start, end), channel.byteLength);
      channel.byteLength = byteLength;
      this.#assemblingBytes += length;
      if (!isLast) {
        this.#giveCredit(channel);
        return true;
      }
      message = pieces;
      from = 0;
      to = byteLength;
      messageId = channel.id;
      this.#forgetPieces(channel);
    }
    if (config.handler.message(channel, isText, message, from, to, messageId))
      this.taken(channel, byteLength);
    return true;
  }

  #opened(name: string, number: number): Incoming {
    const limit = this.config.windowBytes;
    const channel = {
      name,
      number,
      isRefused: false,
      received: 0,
      taken: 0,
      limit,
      byteLength: 0,
    } as Incoming;
    this.#incoming.set(number, channel);
    return channel;
  }

  #forgetPieces(channel: Incoming): void {
    if (channel.pieces === undefined) return;
    this.#assemblingBytes -= channel.byteLength;
    this.#assembling = this.#assembling.filter((other) => other !== channel);
    channel.pieces = channel.id = undefined;
    channel.byteLength = 0;
    for (const other of this.#assembling) this.#giveCredit(other);
  }

  /** A message for which the handler returned false is done with: its length in bytes. */
  taken(channel: IncomingChannel, byteLength: number): void {
    channel.taken += byteLength + MESSAGE_COST;
    this.#giveCredit(channel as Incoming);
  }

  /** Takes nothing more of what comes on a channel; the sender is told. */
  refuseChannel(channel: IncomingChannel, code: number): void {
    if (channel.isRefused) return;
    channel.isRefused = true;
    this.#forgetPieces(channel as Incoming);
    this.#control(REFUSE_CHANNEL_RECORD, channel.number, code);
  }

  /** Lets the other side send on, once half of the window is used. */
  #giveCredit(channel: Incoming): void {
    const { windowBytes, maxMessageBytes } = this.config;
    let limit = channel.taken + windowBytes;
    // The pieces of a message count as taken until it is complete; but of several messages, only those of the oldest go on when
    // together they are too long.
    if (
      channel.pieces !== undefined &&
      (this.#assembling[0] === channel || this.#assemblingBytes <= maxMessageBytes)
    )
      limit += channel.byteLength + MESSAGE_COST;
    if (limit - channel.limit < windowBytes / 2 || channel.isRefused) return;
    channel.limit = limit;
    this.#control(CREDIT_RECORD, channel.number, limit);
  }

  #controlled(link: SessionLink, head: number, reader: WireReader): boolean {
    const { config } = this;
    const { handler } = config;
    if (head === END_RECORD) {
      const { code, reason } = readEnd(reader);
      if (!reader.isBad) {
        this.#acknowledge(link);
        this.#finish(code, this.#decode(reason) ?? "", false);
      }
      return !reader.isBad;
    }
    if (head > END_RECORD) return (head & SKIPPABLE_RECORD) !== 0;
    const number = reader.varint();
    const incoming = this.#incoming.get(number);
    const sending = this.#outgoing.get(number);
    const value = head === REFUSE_CHANNEL_RECORD || head === CREDIT_RECORD ? reader.varint() : 0;
    const { at, end } = reader;
    if (reader.isBad) return false;
    if (head === OPEN_CHANNEL_RECORD) {
      const name = this.#decode(reader.take(end - at));
      if (
        incoming !== undefined ||
        name === undefined ||
        end - at > MAX_NAME_BYTES ||
        this.#incoming.size > config.maxChannels
      )
        return false;
      handler.channelOpened(this.#opened(name, number));
    } else if (head === CLOSE_CHANNEL_RECORD) {
      if (incoming === undefined || number === 0) return false;
      this.#forgetPieces(incoming);
      this.#incoming.delete(number);
      // Its number may be that of another one soon: no credit is given for what is still taken.
      incoming.limit = Infinity;
      handler.channelClosed(incoming);
    } else if (head === SIGNAL_RECORD) {
      if (end - at > MAX_SIGNAL_BYTES) return false;
      handler.signal(number, reader.bytes, at, end);
    } else if (sending !== undefined) {
      if (head === CREDIT_RECORD) {
        sending.limit = Math.max(sending.limit, value);
        this.#wantFlush();
      } else if (sending.closedBy === 0) {
        const { length } = sending.queue;
        while (sending.queue.length > 0) this.#remove(sending, 0);
        if (length > 0) this.#tellDropped(sending, length);
        this.closeChannel(sending);
        handler.channelRefused(sending, value);
        this.#closeIfEmpty();
      }
    }
    return true;
  }

  // --- Transports ----------------------------------------------------------------------------------------------

  /** Begins: `handler.dial` is called. */
  start(): void {
    this.config.handler.dial();
  }

  /**
   * Attaches a transport that is open, and sends `open` on it. Without `isProbe` it takes the session over at once from
   * whatever carried it; with it, `handler.healthy` is called after the round trip.
   */
  attach(transport: Transport, isProbe: boolean): SessionLink {
    const { config } = this;
    const attachedMs = config.host.nowMs();
    const link: SessionLink = { transport, epoch: ++this.#epoch, isProbe, attachedMs, state: "opening" };
    transport.receiver = {
      block: (bytes, start, end) => this.#block(link, bytes, start, end),
      drained: () => this.#wantFlush(),
      lost: () => this.#lostBlocks(link),
      closed: (code, reason) => this.#lost(link, code === 0 ? LOST_CODE : code, reason),
    };
    if (this.isEnded) {
      link.state = "gone";
      transport.close(NOT_NEEDED_CODE, "");
      return link;
    }
    this.#links.push(link);
    const server = this.#server ?? new Uint8Array(0);
    const credentials = config.handler.credentials();
    this.#say(
      link,
      OPEN_PACKET,
      SESSION_VERSION,
      SESSION_VERSION,
      (this.#server === undefined ? 0 : RESUME_BIT) | (isProbe ? PROBE_BIT : 0),
      this.#identity,
      link.epoch,
      this.#received,
      config.windowBytes,
      config.maxMessageBytes,
      server.length,
      server,
      credentials.length,
      credentials,
    );
    this.waitingUntilMs = Infinity;
    this.#wake(attachedMs + config.attachTimeoutMs);
    return link;
  }

  /** Has a healthy link carry the session; all others are dropped. Does nothing with one that is not healthy, or gone. */
  use(link: SessionLink): void {
    if (link.state !== "standby") return;
    const { active: replaced } = this;
    if (replaced !== undefined && replaced.epoch > link.epoch) {
      this.detach(link, NOT_NEEDED_CODE);
      return;
    }
    this.#say(link, USE_PACKET, this.#received);
    if (replaced !== undefined) {
      // The server closes it when it gets our packet. If we did now, it could hear of the end before it hears of the beginning.
      replaced.state = "gone";
      this.#links = this.#links.filter((other) => other !== replaced);
      this.#closeReplaced();
      this.#replaced = replaced.transport;
      this.config.handler.linkLost(replaced, FENCED_CODE, "", 0);
    }
    this.#goLive(link);
  }

  #goLive(link: SessionLink): void {
    const { config } = this;
    const { active, wasLive } = this;
    this.waitingUntilMs = Infinity;
    this.#liveSinceMs = config.host.nowMs();
    link.state = "active";
    this.active = link;
    for (const other of this.#links) {
      if (other !== link) this.detach(other, other === active ? FENCED_CODE : NOT_NEEDED_CODE);
    }
    this.#sendAgain();
    this.#wasBusy();
    this.#quiet(this.#liveSinceMs, false);
    this.#wake(this.#heartbeatDueMs);
    this.wasLive = true;
    config.handler.live(link, wasLive);
  }

  /** All that is not confirmed is sent again, or for the first time. */
  #sendAgain(): void {
    this.#sentCount = 0;
    this.#unacknowledgedBytes = Math.min(this.#received, 1);
    this.#wantFlush();
  }

  #lostBlocks(link: SessionLink): void {
    // Whether the server has our first packet nobody knows; a new transport is quicker than to find out.
    if (link.state === "opening") this.detach(link, LOST_CODE);
    else if (link === this.active) {
      this.#say(link, USE_PACKET, this.#received);
      this.#sendAgain();
    }
  }

  #closeReplaced(): void {
    this.#replaced?.close(FENCED_CODE, "");
    this.#replaced = undefined;
  }

  /** Sends a packet in a block of its own. */
  #say(link: SessionLink, type: number, ...fields: Fields): void {
    const body = bodyOf(fields);
    link.transport.send(scratch, HEADER_ROOM, writeFields([type, body.length, body]));
  }

  #acknowledge(link: SessionLink): void {
    this.#acknowledgedAll();
    this.#say(link, ACK_PACKET, this.#received);
  }

  #acknowledgedAll(): void {
    this.#unacknowledgedBytes = 0;
    this.#ackDueMs = Infinity;
  }

  /** Lets go of a link; if it was the active one, the session is suspended. The other side is told why. */
  detach(link: SessionLink, code: number, reason = ""): void {
    if (link.state === "gone") return;
    this.#say(link, LEAVE_PACKET, ...this.#ending(code, reason));
    link.transport.close(code, reason);
    this.#gone(link, code, reason);
  }

  /** The other side ended a transport, or it broke. */
  #lost(link: SessionLink, code: number, reason: string, notBeforeMs = 0, isReset = false): void {
    if (link.state === "gone") return;
    // Where another one is in use, a node that does not know the session has no say in it.
    const counts = this.active === undefined || this.active === link;
    if (counts && (isReset || actionOf(code) !== "retry")) {
      // What we closed and the other side forgot was closed in order, if nothing else is open.
      this.#finish(code, reason, this.#lastRecord === 0 || this.#lastRecord !== this.#confirmed + 1);
    } else this.#gone(link, code, reason, notBeforeMs);
  }

  #gone(link: SessionLink, code: number, reason: string, notBeforeMs = 0): void {
    const { handler, host } = this.config;
    const wasActive = link === this.active;
    link.state = "gone";
    this.#links = this.#links.filter((other) => other !== link);
    if (wasActive) {
      this.#closeReplaced();
      this.active = undefined;
      this.#ackDueMs = this.#heartbeatDueMs = Infinity;
      handler.suspended(code, reason);
    }
    if (this.isEnded) return;
    if (!wasActive) {
      this.#notBeforeMs = Math.max(this.#notBeforeMs, notBeforeMs);
      handler.linkLost(link, code, reason, notBeforeMs);
      return;
    }
    const standby = this.#links.find(({ state }) => state === "standby");
    const hasWorked = host.nowMs() - this.#liveSinceMs >= WORKED_AFTER_MS;
    if (hasWorked) this.#failures = 0;
    if (standby !== undefined) this.use(standby);
    else if (hasWorked && notBeforeMs === 0) this.#dial();
    else this.#wait(notBeforeMs);
  }

  // --- Coming back ---------------------------------------------------------------------------------------------

  /** All that was dialled has failed. `code` and `notBeforeMs` as a `TransportDialer` told; 0 if it did not. */
  dialFailed(code: number, reason: string, notBeforeMs: number): void {
    if (this.isEnded || this.active !== undefined || this.waitingUntilMs < Infinity) return;
    if (actionOf(code) === "retry") this.#wait(Math.max(notBeforeMs, this.#notBeforeMs));
    else this.end(code, reason);
  }

  /** Does not wait any longer; does nothing while a transport is there or is being opened. */
  retryNow(): void {
    if (this.waitingUntilMs < Infinity) this.#dial();
  }

  #dial(): void {
    this.waitingUntilMs = Infinity;
    this.#notBeforeMs = 0;
    this.config.handler.dial();
  }

  /** Full jitter: a random part of a delay that doubles, and is capped before the dice are thrown. */
  #wait(notBeforeMs: number): void {
    const { reconnectDelayMs, maxReconnectDelayMs } = this.#delays;
    const { host, handler } = this.config;
    const mostMs = Math.min(maxReconnectDelayMs, reconnectDelayMs * 2 ** this.#failures++);
    this.waitingUntilMs = host.nowMs() + Math.max(host.random() * mostMs, notBeforeMs);
    this.#wake(this.waitingUntilMs);
    handler.waiting(this.waitingUntilMs);
  }

  // --- Ending --------------------------------------------------------------------------------------------------

  /**
   * Closes the session in order: the other side is told behind all that was sent. `handler.ended` follows; after
   * `closeTimeoutMs` also if not everything was confirmed.
   */
  close(code: number = CLOSED_CODE, reason = ""): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#closeCode = code;
    this.#closeReason = reason;
    if (!this.wasLive && this.outboxBytes === 0) {
      this.end(code, reason, false);
      return;
    }
    this.#closeDueMs = this.config.host.nowMs() + this.config.closeTimeoutMs;
    this.#wake(this.#closeDueMs);
    this.#closeIfEmpty();
  }

  /** The last record is written when nothing else waits. */
  #closeIfEmpty(): void {
    if (!this.#isClosing || this.isEnded || this.#lastRecord > 0 || this.#queuedCount > 0) return;
    this.#lastRecord = this.#confirmed + this.#records.length + 1;
    this.#control(END_RECORD, ...this.#ending(this.#closeCode, this.#closeReason));
  }

  /** Why something ends, as it is said: a reason that is too long is cut off. */
  #ending(code: number, reason: string): (number | Uint8Array)[] {
    return [code, 0, 0, this.config.host.utf8Encode(reason).subarray(0, MAX_REASON_BYTES)];
  }

  /** Ends the session at once; the other side is told if it can be. `handler.ended` is called before this returns. */
  end(code: number, reason = "", isReset = true): void {
    for (const link of this.#links) this.#say(link, RESET_PACKET, ...this.#ending(code, reason));
    this.#finish(code, reason, isReset);
  }

  /** The session is over, whoever said so. */
  #finish(code: number, reason: string, isReset: boolean): void {
    if (this.isEnded) return;
    this.isEnded = this.#isClosing = true;
    for (const link of this.#links) {
      link.state = "gone";
      link.transport.close(code, reason);
    }
    this.#closeReplaced();
    this.#links = [];
    this.active = undefined;
    this.deadlineMs = this.waitingUntilMs = Infinity;
    const left = this.#records.map(({ message }) => message);
    for (const channel of this.#outgoing.values()) {
      left.push(...channel.queue);
      channel.queue = [];
      channel.queuedBytes = 0;
      channel.isClosed = true;
      channel.tell(false);
    }
    const unconfirmed = [];
    for (const message of left) {
      if (message === undefined) continue;
      const { channel, data, isText, id } = message;
      unconfirmed.push({ channel: channel.name, data: isText ? this.#decode(data)! : data, id });
    }
    this.#records.length = this.#sentCount = this.#recordCost = this.#queuedCost = this.#queuedCount = 0;
    this.config.handler.ended({ code, reason, isReset, unconfirmed });
  }

  // --- Time ----------------------------------------------------------------------------------------------------

  /** The time is now: does what is due. To be called at {@link deadlineMs}. */
  handleTimeout(): void {
    const { config, active } = this;
    const nowMs = config.host.nowMs();
    const isLate = nowMs - this.deadlineMs > config.sleepAfterMs;
    this.deadlineMs = Infinity;
    if (this.#closeDueMs <= nowMs) this.end(this.#closeCode, this.#closeReason);
    if (this.isEnded) return;
    if (active !== undefined) {
      if (this.#ackDueMs <= nowMs) this.#acknowledge(active);
      // When the machine slept, the silence proves nothing.
      if (isLate) this.probe();
      else if (this.#heartbeatDueMs <= nowMs) {
        if (this.#wasHeard) this.#quiet(nowMs, this.#records.length > 0);
        else if (this.#askedMs >= 0) this.detach(active, TIMEOUT_CODE);
        else this.probe();
      }
    }
    for (const link of this.#links) {
      if (link.state === "active") continue;
      const dueMs = link.attachedMs + config.attachTimeoutMs;
      if (dueMs <= nowMs) this.detach(link, TIMEOUT_CODE);
      else this.#wake(dueMs);
    }
    if (this.waitingUntilMs <= nowMs) this.#dial();
    this.#wake(Math.min(this.waitingUntilMs, this.#ackDueMs, this.#closeDueMs, this.#heartbeatDueMs));
  }

  /** Asks the other side for a sign of life at once: the network has changed, the page was thawed. */
  probe(): void {
    const { active, config } = this;
    if (active === undefined) return;
    this.#wasHeard = false;
    this.#question = (this.#question + 1) & 0x7f;
    this.#askedMs = config.host.nowMs();
    this.#pingIntervalMs = Math.min(2 * this.#pingIntervalMs, config.maxPingIntervalMs);
    this.#heartbeatDueMs = this.#askedMs + config.pongTimeoutMs;
    this.#wake(this.#heartbeatDueMs);
    this.#say(active, PING_PACKET, this.#question);
  }

  /** Nothing is asked just now. */
  #quiet(nowMs: number, isWaiting: boolean): void {
    this.#askedMs = -1;
    this.#wasHeard = false;
    this.#heartbeatDueMs = nowMs + (isWaiting ? UNCONFIRMED_MS : this.#pingIntervalMs);
  }

  /** More than pings goes to and fro. */
  #wasBusy(): void {
    this.#pingIntervalMs = this.config.pingIntervalMs;
  }

  /** A round trip took so long. */
  #measured(roundTripMs: number): void {
    const before = this.roundTripMs ?? roundTripMs;
    this.roundTripMs = before + (roundTripMs - before) / 4;
  }

  #wake(dueMs: number): void {
    if (dueMs >= this.deadlineMs || this.isEnded) return;
    this.deadlineMs = dueMs;
    this.config.handler.deadlineChanged();
  }
}

/** Fields one behind the other, to keep. */
function bodyOf(fields: Fields): Uint8Array {
  return new Uint8Array(encodeFields(fields));
}
