import { cannotBe } from "../../core/cannot-be.js";
import type {
  ChannelOptions,
  PeerChannel,
  SendStatus,
  ToldMessageOptions,
  UnconfirmedMessage,
} from "../peer-port.js";
import { DRAIN_ABOVE_BYTES, type Transport } from "../transport-port.js";
import { bodyOf, type Fields, HEADER_ROOM, scratch, writeFields } from "../wire/encode-fields.js";
import { MAX_REASON_BYTES } from "../wire/end-packet.js";
import { DATA_PACKET, MAX_BLOCK_BYTES } from "../wire/packet-type.js";
import { fail } from "../wire/read-fields.js";
import {
  BINARY_BIT,
  CHANNEL_BIT,
  CLOSE_CHANNEL_RECORD,
  CONTINUED_BIT,
  END_RECORD,
  ID_BIT,
  MORE_BIT,
  OPEN_CHANNEL_RECORD,
} from "../wire/record-head.js";
import { OVERFLOW_CODE } from "../wire/session-code.js";
import { checkMessage } from "./check-message.js";
import type { ClientConfig } from "./client-config.js";
import { OVERFLOW_POLICIES } from "./overflow-policies.js";
import { MAX_NAME_BYTES, MESSAGE_COST } from "./session-rules.js";

/** What records between the machines may take beyond what messages may. */
const CONTROL_ROOM_BYTES = 65_536;

/** A message that waits, or that is not confirmed. */
interface ClientMessage {
  /** The name of its channel. */
  readonly channel: string;
  readonly data: Uint8Array;
  readonly isText: boolean;
  readonly id: Uint8Array | undefined;
  readonly tooLong: (() => void) | undefined;
  /** What it counts on its channel. */
  readonly cost: number;
  /** What it counts in the session: less, if it is long and alone on its channel. */
  readonly counted: number;
  /** Under which it may be replaced, until its first piece leaves. */
  key: string | undefined;
  /** How many of its bytes have left. */
  offset: number;
}

/** A record that has a number and is not confirmed. */
interface NumberedRecord {
  readonly fields: Fields;
  readonly cost: number;
  /** The message that ends with it, if one does. */
  readonly message: ClientMessage | undefined;
}

/** A channel as the rest of the session sees it. */
interface Outgoing {
  readonly channel: PeerChannel;
  /** Whether it is closed: here, by the other side, or with the session. */
  isClosed(): boolean;
  /** Sends a piece, or as many short messages. False if it may not, or has nothing. */
  takeTurn(): boolean;
  /** Tells those who wait for room that there is some. */
  tellRoom(): void;
  /** More may be sent. */
  credit(limit: number): void;
  /** The other side takes nothing on it. False if that is no news. */
  refused(): boolean;
  /** Whether the other side knows that it is closed. */
  isGone(): boolean;
  /** The session is over: gives back what waits. */
  forget(): readonly ClientMessage[];
}

/** What a client sends in its session. */
export interface ClientOutbox {
  /** How much is kept of what was sent and is not confirmed, in bytes, each message counting 64 more. */
  outboxBytes(): number;
  /** The channel that every session has, for sending. */
  readonly main: PeerChannel;
  /**
   * The channel of a name, which is opened if it is not open for sending.
   * @throws UsageError `INVALID_OPTION` for options that cannot be, and a name of more than 256 bytes.
   */
  channel(name: string, options?: ChannelOptions): PeerChannel;
  /** A record between the machines, or `signal`: numbered and kept as messages are, but it waits for no room. */
  control(head: number, ...fields: Fields): void;
  /** Writes what is to be sent; returns whether there was something. */
  write(transport: Transport, received: number): boolean;
  /** The other side has everything up to a record. */
  confirm(number: number): void;
  /** The other side gives credit for a channel. What is read just now is followed by a flush anyway. */
  credited(number: number, limit: number): void;
  /** The other side refuses a channel; returns it if that is news. */
  refused(number: number): PeerChannel | undefined;
  /** The other side takes so much on a channel without credit, and no longer messages. */
  allowed(windowBytes: number, maxMessageBytes: number): void;
  /** All that is not confirmed is sent again, or for the first time. */
  rewind(): void;
  /** Takes nothing more; the other side is told why behind all that was sent. False if that was to be done before. */
  close(code: number, reason: string): boolean;
  /** Says to the other side that it is closed, if nothing else waits. */
  closeIfEmpty(): void;
  /** Whether nothing waits for its turn. */
  isEmpty(): boolean;
  /** Whether the other side has all but the record that closes the session. */
  isClosed(): boolean;
  /** Whether something is sent, or is to be sent again, that is not confirmed. */
  isUnconfirmed(): boolean;
  /** Nothing more is sent. Returns the messages that were never confirmed, in the order of each channel. */
  forget(): UnconfirmedMessage[];
}

/**
 * Makes what a client sends in its session: what waits, what is not confirmed, and how it is closed in order behind that.
 * @param isFree whether what is short may leave at once: a transport is there, and takes it.
 * @param wantsFlush something is to be written.
 * @param tooSlow a channel is full that has its transport pay for that.
 * @param end the session is to end, with a code: there is too much.
 * @param closed what closed the session in order was confirmed.
 */
export function clientOutbox(
  { host, handler, maxOutboxBytes, maxOutboxMessages, maxInFlightBytes, pieceBytes }: ClientConfig,
  isFree: () => boolean,
  wantsFlush: () => void,
  tooSlow: () => void,
  end: (code: number) => void,
  closed: (code: number, reason: string, isReset: boolean) => void,
): ClientOutbox {
  let peerMaxBytes = Infinity;
  let peerWindowBytes = 0;
  /** All channels that are open for sending, the next in the round first. */
  const outgoing = new Map<number, Outgoing>();
  let lastChannel = 0;
  /** How many messages wait, and what they count. */
  let queuedCount = 0;
  let queuedCost = 0;
  /** What is not confirmed, and what it counts. */
  let records: NumberedRecord[] = [];
  let recordCost = 0;
  /** The number of the last record that the other side has. */
  let confirmed = 0;
  /** How many of the records were sent over the active link. */
  let sentCount = 0;
  /** The number of the last record that ever left. */
  let written = 0;
  /** With what it is to be closed, if it is, and the number of the record that says so. */
  let closing: readonly [code: number, reason: string] | undefined;
  let lastRecord = 0;
  let isOver = false;

  /** A record is given its number. */
  const number = (fields: Fields, byteLength: number, message?: ClientMessage): void => {
    const cost = byteLength + MESSAGE_COST;
    records.push({ fields, cost, message });
    recordCost += cost;
  };

  const control = (head: number, ...fields: Fields): void => {
    if (isOver) return;
    const body = bodyOf(fields);
    number([Uint8Array.of(head), body.length, body], body.length);
    wantsFlush();
    // Whoever never confirms gets no more of them.
    if (recordCost > maxInFlightBytes + maxOutboxBytes + CONTROL_ROOM_BYTES) end(OVERFLOW_CODE);
  };

  /** What a message counts in the session. A long one that is alone on its channel is the caller's bytes, and leaves in pieces. */
  const countedOf = (cost: number, isAlone: boolean): number => (isAlone ? Math.min(cost, pieceBytes) : cost);

  const newChannel = (
    name: string,
    channelNumber: number,
    {
      policy = "block",
      maxQueuedBytes = maxOutboxBytes,
      highWaterMarkBytes = DRAIN_ABOVE_BYTES,
    }: ChannelOptions,
  ): PeerChannel => {
    if (!OVERFLOW_POLICIES.includes(policy)) throw cannotBe("INVALID_OPTION", "policy", policy);
    for (const [name, value] of Object.entries({ maxQueuedBytes, highWaterMarkBytes })) {
      if (!(value >= 0)) throw cannotBe("INVALID_OPTION", name, value);
    }
    const isLatest = policy === "latest-per-key";
    let queue: ClientMessage[] = [];
    /** How much was sent, each message counting 64 more, and how much may be. */
    let sent = 0;
    let limit = peerWindowBytes;
    /** The number of the record that closed it; 0 while there is none. */
    let closedBy = 0;
    let isClosed = isOver;
    /** For how much its sender waits: 0 for less than the mark, undefined for nothing; and those who were promised. */
    let wanted: number | undefined;
    let waiters: ((hasRoom: boolean) => void)[] = [];

    const tell = (hasRoom: boolean): void => {
      const told = waiters;
      waiters = [];
      wanted = undefined;
      for (const waiter of told) waiter(hasRoom);
    };

    const dropped = (): void => {
      channel.dropped++;
      handler.dropped?.(channel);
    };

    const count = ({ cost, counted }: ClientMessage, sign: number): void => {
      channel.queuedBytes += sign * cost;
      queuedCost += sign * counted;
      queuedCount += sign;
    };

    /** Takes the message at a place out of the line. */
    const remove = (place: number): void =>
      count(place > 0 ? queue.splice(place, 1)[0]! : queue.shift()!, -1);

    const drop = (place: number): void => {
      remove(place);
      dropped();
    };

    /** Whether a message may wait behind so many others, without the rest of them. */
    const fits = (cost: number, place = queue.length): boolean => {
      let queuedBytes = channel.queuedBytes + cost;
      let outboxBytes = recordCost + queuedCost + countedOf(cost, place === 0);
      let messages = records.length + queuedCount;
      for (const other of queue.slice(place)) {
        queuedBytes -= other.cost;
        outboxBytes -= other.counted;
        messages--;
      }
      return (
        (place === 0 || queuedBytes <= maxQueuedBytes) &&
        outboxBytes <= maxOutboxBytes &&
        messages < maxOutboxMessages
      );
    };

    /** Gives a number to a message, or to the next piece of it; returns how much that counts. */
    const sendPiece = (message: ClientMessage): number => {
      const { data, isText, offset } = message;
      const end = Math.min(data.length, offset + pieceBytes);
      const isLast = end === data.length;
      const isTooLong = data.length > peerMaxBytes;
      message.key = undefined;
      message.offset = end;
      if ((isLast || isTooLong) && message === queue[0]) remove(0);
      if (isTooLong) {
        // It was taken before the limit of the other side was known.
        dropped();
        if (message.tooLong) message.tooLong();
        else handler.report(cannotBe("MESSAGE_TOO_LONG", "a message", `${data.length} bytes`));
        return 0;
      }
      const id = offset === 0 ? message.id : undefined;
      const length = end - offset;
      const fields = [
        (isText ? 0 : BINARY_BIT) |
          (isLast ? 0 : MORE_BIT) |
          (offset === 0 ? 0 : CONTINUED_BIT) |
          (channelNumber > 0 ? CHANNEL_BIT : 0) |
          (id ? ID_BIT : 0),
        channelNumber || undefined,
        id?.length,
        id,
        length,
        length === data.length ? data : data.subarray(offset, end),
      ];
      number(fields, length, isLast ? message : undefined);
      const cost = length + (offset === 0 ? MESSAGE_COST : 0);
      sent += cost;
      return cost;
    };

    const send = (
      given: string | Uint8Array,
      { id, key, isText, tooLong }: ToldMessageOptions = {},
    ): SendStatus => {
      checkMessage(given, id);
      if (isClosed || closing) return "closed";
      const isString = typeof given === "string";
      const data = isString
        ? host.utf8Encode(given)
        : given.length > pieceBytes
          ? given
          : new Uint8Array(given);
      const { length } = data;
      if (length > peerMaxBytes) {
        dropped();
        return "too-long";
      }
      const cost = length + MESSAGE_COST;
      // What has begun to leave stays.
      const first = queue.length > 0 && queue[0]!.offset > 0 ? 1 : 0;
      if (!fits(cost) && !fits(cost, isLatest || policy === "drop-oldest" ? first : queue.length)) {
        wanted = cost;
        dropped();
        if (policy === "disconnect") tooSlow();
        return "dropped";
      }
      let place = queue.length;
      const old = isLatest && key !== undefined ? queue.findIndex((other) => other.key === key) : -1;
      if (old >= 0) drop((place = old));
      for (; !fits(cost); place--) drop(first);
      const counted = countedOf(cost, queue.length === 0);
      const message = {
        channel: name,
        data,
        isText: isString || !!isText,
        id,
        tooLong,
        cost,
        counted,
        key,
        offset: 0,
      };
      // What is short and alone leaves at once, before its turn comes.
      if (
        queue.length === 0 &&
        length <= pieceBytes &&
        recordCost < maxInFlightBytes &&
        sent < limit &&
        isFree()
      )
        sendPiece(message);
      else {
        queue.splice(Math.max(place, first), 0, message);
        count(message, 1);
      }
      wantsFlush();
      if (channel.queuedBytes <= highWaterMarkBytes) return "sent";
      wanted = 0;
      return "queued";
    };

    const close = (): void => {
      isClosed = true;
      tell(false);
      if (queue.length > 0 || closedBy > 0 || channelNumber === 0 || isOver) return;
      control(CLOSE_CHANNEL_RECORD, channelNumber);
      closedBy = confirmed + records.length;
    };

    const channel = {
      name,
      queuedBytes: 0,
      dropped: 0,
      send,
      ready: (): Promise<boolean> =>
        new Promise((resolve) => {
          const isOpen = !isClosed && !closing;
          if (isOpen && wanted !== undefined) waiters.push(resolve);
          else resolve(isOpen);
        }),
      close,
    };
    if (!isOver)
      outgoing.set(channelNumber, {
        channel,
        isClosed: () => isClosed,
        takeTurn() {
          if (queue.length === 0 || sent >= limit) return false;
          let left = pieceBytes;
          while (left > 0 && queue.length > 0 && sent < limit) left -= sendPiece(queue[0]!);
          if (isClosed) close();
          return true;
        },
        tellRoom() {
          if (
            wanted === undefined ||
            channel.queuedBytes > highWaterMarkBytes ||
            (wanted > 0 && !fits(wanted))
          )
            return;
          tell(true);
          handler.ready?.(channel);
        },
        credit(value) {
          limit = Math.max(limit, value);
        },
        refused() {
          if (closedBy > 0) return false;
          while (queue.length > 0) drop(0);
          close();
          return true;
        },
        isGone: () => closedBy > 0 && closedBy <= confirmed,
        forget() {
          const left = queue;
          queue = [];
          channel.queuedBytes = 0;
          isClosed = true;
          tell(false);
          return left;
        },
      });
    return channel;
  };

  /** The next channel in the round has its turn. False if none may. */
  const takeTurn = (): boolean => {
    for (const [key, channel] of outgoing) {
      if (!channel.takeTurn()) continue;
      outgoing.delete(key);
      outgoing.set(key, channel);
      closeIfEmpty();
      return true;
    }
    return false;
  };

  /** The last record is written when nothing else waits. */
  const closeIfEmpty = (): void => {
    if (!closing || lastRecord > 0 || queuedCount > 0) return;
    lastRecord = confirmed + records.length + 1;
    control(END_RECORD, ...ending(host, ...closing));
  };

  return {
    main: newChannel("", 0, {}),
    outboxBytes: () => recordCost + queuedCost,

    channel(name, options = {}) {
      for (const { channel, isClosed } of outgoing.values())
        if (channel.name === name && !isClosed()) return channel;
      const bytes = host.utf8Encode(name);
      if (bytes.length > MAX_NAME_BYTES)
        throw cannotBe("INVALID_OPTION", "a name", `more than ${MAX_NAME_BYTES} bytes`);
      const channel = newChannel(name, lastChannel + 1, options);
      control(OPEN_CHANNEL_RECORD, ++lastChannel, bytes);
      return channel;
    },

    control,

    write(transport, received) {
      let hasWritten = false;
      while (transport.bufferedBytes <= DRAIN_ABOVE_BYTES) {
        let next = sentCount;
        let byteLength = 0;
        while (byteLength < pieceBytes) {
          const record = records[sentCount];
          if (record) {
            // What a record counts is more than it takes.
            byteLength += record.cost;
            if (byteLength > MAX_BLOCK_BYTES - MESSAGE_COST) break;
            sentCount++;
          } else if (recordCost >= maxInFlightBytes || !takeTurn()) break;
        }
        // The session may have ended meanwhile, and then there are none.
        if (next >= sentCount) break;
        written = Math.max(written, confirmed + sentCount);
        let end = writeFields([DATA_PACKET, received, confirmed + next + 1]);
        while (next < sentCount) end = writeFields(records[next++]!.fields, end);
        transport.send(scratch, HEADER_ROOM, end);
        hasWritten = true;
      }
      for (const channel of outgoing.values()) channel.tellRoom();
      return hasWritten;
    },

    confirm(to) {
      if (to > written) fail();
      const count = to - confirmed;
      if (count <= 0) return;
      for (const { cost } of records.splice(0, count)) recordCost -= cost;
      confirmed = to;
      sentCount = Math.max(0, sentCount - count);
      for (const [key, channel] of outgoing) if (channel.isGone()) outgoing.delete(key);
      if (lastRecord > 0 && lastRecord <= to) closed(...closing!, false);
      wantsFlush();
    },

    credited: (key, limit) => outgoing.get(key)?.credit(limit),

    refused(key) {
      const target = outgoing.get(key);
      if (!target?.refused()) return undefined;
      closeIfEmpty();
      return target.channel;
    },

    allowed(windowBytes, maxMessageBytes) {
      peerWindowBytes = windowBytes;
      peerMaxBytes = maxMessageBytes;
      for (const channel of outgoing.values()) channel.credit(windowBytes);
    },

    rewind() {
      sentCount = 0;
      wantsFlush();
    },

    close(...why) {
      const isNew = !closing;
      closing ??= why;
      return isNew;
    },

    closeIfEmpty,
    isEmpty: () => queuedCount === 0,
    isClosed: () => lastRecord > 0 && lastRecord === confirmed + 1,
    isUnconfirmed: () => records.length > 0,

    forget() {
      isOver = true;
      const left = records.map(({ message }) => message);
      for (const channel of outgoing.values()) left.push(...channel.forget());
      records = [];
      sentCount = recordCost = queuedCost = queuedCount = 0;
      const unconfirmed: UnconfirmedMessage[] = [];
      for (const message of left) {
        if (message) {
          const { channel, data, isText, id } = message;
          unconfirmed.push({ channel, data: isText ? host.utf8Decode(data, 0, data.length)! : data, id });
        }
      }
      return unconfirmed;
    },
  };
}

/** Why something ends, as it is said: a reason that is too long is cut off. */
export function ending(
  { utf8Encode }: ClientConfig["host"],
  code: number,
  reason: string,
): (number | Uint8Array)[] {
  return [code, 0, 0, utf8Encode(reason).subarray(0, MAX_REASON_BYTES)];
}
