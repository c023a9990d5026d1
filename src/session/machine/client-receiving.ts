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
import type { RecordReader } from "../wire/record-reader.js";
import { OVERFLOW_CODE } from "../wire/session-code.js";
import { WireReader } from "../wire/wire-reader.js";
import type { ClientConfig } from "./client-config.js";
import { ClientSending, decode } from "./client-sending.js";
import type { IncomingChannel } from "./incoming-channel.js";
import { MAX_NAME_BYTES, MAX_SIGNAL_BYTES, MESSAGE_COST, REFUSED_CHANNELS } from "./session-rules.js";

/** A channel that the other side sends on. */
interface Incoming extends IncomingChannel {
  readonly parts: undefined;
  /** The pieces of the message that is not complete, with room for more; undefined if there is none. */
  pieces: Uint8Array | undefined;
  /** How long they are. */
  byteLength: number;
}

/** What comes to a client in its session: messages, in pieces or whole, and what the machines tell each other. */
export abstract class ClientReceiving extends ClientSending {
  readonly #incoming = new Map<number, Incoming>();
  /** The numbers of those that were one too many, until they are closed. */
  readonly #refused = new Set<number>();
  /** Those with a message that is not complete, the oldest first. */
  #assembling: Incoming[] = [];
  #assemblingBytes = 0;

  constructor(config: ClientConfig) {
    super(config);
    this.#opened("", 0);
  }

  /** False for what breaks a rule, and would again. */
  protected record({ head, channel: number, id, bytes, start, at: end }: RecordReader): boolean {
    if (head >= CONTROL_RECORD) return this.#controlled(head, new WireReader(bytes, start, end));
    const { config } = this;
    const { maxMessageBytes } = config;
    const channel = this.#incoming.get(number);
    if (this.#refused.has(number)) return true;
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
    this.control(REFUSE_CHANNEL_RECORD, channel.number, code);
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
    this.control(CREDIT_RECORD, channel.number, limit);
  }

  #controlled(head: number, reader: WireReader): boolean {
    const { config } = this;
    const { handler } = config;
    if (head >= END_RECORD) return (head & SKIPPABLE_RECORD) !== 0;
    const number = reader.varint();
    const known = this.#incoming.get(number);
    const value = head === REFUSE_CHANNEL_RECORD || head === CREDIT_RECORD ? reader.varint() : 0;
    const { at, end } = reader;
    if (reader.isBad) return false;
    if (head === OPEN_CHANNEL_RECORD) {
      const name = decode(config, reader.take(end - at));
      if (known !== undefined || this.#refused.has(number) || name === undefined || end - at > MAX_NAME_BYTES)
        return false;
      if (this.#incoming.size > config.maxChannels) {
        if (this.#refused.size >= REFUSED_CHANNELS * config.maxChannels) return false;
        this.#refused.add(number);
        this.control(REFUSE_CHANNEL_RECORD, number, OVERFLOW_CODE);
      } else handler.channelOpened(this.#opened(name, number));
    } else if (head === CLOSE_CHANNEL_RECORD) {
      if (known === undefined || number === 0) return this.#refused.delete(number);
      this.#forgetPieces(known);
      this.#incoming.delete(number);
      // Its number may be that of another one soon: no credit is given for what is still taken.
      known.limit = Infinity;
      handler.channelClosed(known);
    } else if (head === SIGNAL_RECORD) {
      if (end - at > MAX_SIGNAL_BYTES) return false;
      handler.signal(number, reader.bytes, at, end);
    } else this.answered(head, number, value);
    return true;
  }
}
