import { at, end, fail, readVarint, source } from "../wire/read-fields.js";
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
import { OVERFLOW_CODE } from "../wire/session-code.js";
import type { ClientConfig, ClientIncoming } from "./client-config.js";
import type { ClientOutbox } from "./client-outbox.js";
import { MAX_NAME_BYTES, MAX_SIGNAL_BYTES, MESSAGE_COST, REFUSED_CHANNELS } from "./session-rules.js";

/** A channel as the rest of what receives sees it. */
interface Incoming {
  readonly channel: ClientIncoming;
  /** A record of it came, which is what is read just now. */
  record(head: number, id: Uint8Array | undefined): void;
  /** It has room for more, perhaps: the other side is told. */
  giveCredit(): void;
  /** Its sender closed it. */
  closed(): void;
}

/**
 * Makes what takes the records that come to a client: messages, in pieces or whole, and what the machines tell each other. Each is
 * what is read just now; what breaks a rule is a fault, and would be again.
 */
export function clientInbox(
  { host, handler, windowBytes, maxMessageBytes, maxChannels }: ClientConfig,
  { control, credited, refused: refusedOutgoing }: ClientOutbox,
): (head: number, number: number, id: Uint8Array | undefined) => void {
  const incoming = new Map<number, Incoming>();
  /** The numbers of those that were one too many, until they are closed. */
  const refused = new Set<number>();
  /** Those with a message that is not complete, the oldest first. */
  let assembling: Incoming[] = [];
  let assemblingBytes = 0;

  const opened = (name: string, number: number): ClientIncoming => {
    let received = 0;
    let taken = 0;
    let limit = windowBytes;
    /** The pieces of the message that is not complete, with room for more; undefined if there is none. */
    let pieces: Uint8Array | undefined;
    let byteLength = 0;
    /** The head and the id of its first record. */
    let firstHead = 0;
    let firstId: Uint8Array | undefined;

    /** Lets the other side send on, once half of the window is used. */
    const giveCredit = (): void => {
      let next = taken + windowBytes;
      // The pieces of a message count as taken until it is complete; but of several messages, only those of the oldest go on when
      // together they are too long.
      if (pieces && (assembling[0] === self || assemblingBytes <= maxMessageBytes))
        next += byteLength + MESSAGE_COST;
      if (next - limit < windowBytes / 2 || channel.isRefused) return;
      limit = next;
      control(CREDIT_RECORD, number, limit);
    };

    const forgetPieces = (): void => {
      if (!pieces) return;
      assemblingBytes -= byteLength;
      assembling = assembling.filter((other) => other !== self);
      pieces = undefined;
      byteLength = 0;
      for (const other of assembling) other.giveCredit();
    };

    const channel: ClientIncoming = {
      name,
      isRefused: false,
      turns: undefined,
      taken(byteLength) {
        taken += byteLength + MESSAGE_COST;
        giveCredit();
      },
      refuse(code) {
        if (channel.isRefused) return;
        channel.isRefused = true;
        forgetPieces();
        control(REFUSE_CHANNEL_RECORD, number, code);
      },
    };

    const self: Incoming = {
      channel,
      giveCredit,
      closed() {
        forgetPieces();
        incoming.delete(number);
        // Its number may be that of another one soon: no credit is given for what is still taken.
        limit = Infinity;
        handler.channelClosed(channel);
      },
      record(head, id) {
        if (channel.isRefused) return;
        const isContinued = (head & CONTINUED_BIT) !== 0;
        const isLast = (head & MORE_BIT) === 0;
        const length = end - at;
        const total = byteLength + length;
        if (
          isContinued !== !!pieces ||
          received >= limit ||
          total > maxMessageBytes ||
          (isContinued && ((firstHead ^ head) & BINARY_BIT) !== 0) ||
          (!isLast && length === 0)
        )
          fail();
        received += length + (isContinued ? 0 : MESSAGE_COST);
        let message = source;
        let from = at;
        let to = end;
        if (!isContinued) {
          firstHead = head;
          firstId = id;
          if (!isLast) assembling.push(self);
        }
        if (isContinued || !isLast) {
          let whole = pieces ?? source;
          if (!isContinued || total > whole.length) {
            // Twice as long each time, so that many short ones do not cost much more than their bytes.
            const longer = new Uint8Array(2 * total);
            if (isContinued) longer.set(whole);
            pieces = whole = longer;
          }
          whole.set(source.subarray(at, end), byteLength);
          byteLength = total;
          assemblingBytes += length;
          if (!isLast) {
            giveCredit();
            return;
          }
          message = whole;
          from = 0;
          to = total;
          forgetPieces();
        }
        if (handler.message(channel, (head & BINARY_BIT) === 0, message, from, to, firstId))
          channel.taken(total);
      },
    };
    incoming.set(number, self);
    return channel;
  };

  const controlled = (head: number): void => {
    if (head >= END_RECORD) {
      if ((head & SKIPPABLE_RECORD) === 0) fail();
      return;
    }
    const number = readVarint();
    const known = incoming.get(number);
    if (head === OPEN_CHANNEL_RECORD) {
      const name = host.utf8Decode(source, at, end);
      if (known || refused.has(number) || name === undefined || end - at > MAX_NAME_BYTES) fail();
      else if (incoming.size > maxChannels) {
        if (refused.size >= REFUSED_CHANNELS * maxChannels) fail();
        refused.add(number);
        control(REFUSE_CHANNEL_RECORD, number, OVERFLOW_CODE);
      } else handler.channelOpened(opened(name, number));
    } else if (head === CLOSE_CHANNEL_RECORD) {
      if (known && number > 0) known.closed();
      else if (!refused.delete(number)) fail();
    } else if (head === SIGNAL_RECORD) {
      if (end - at > MAX_SIGNAL_BYTES) fail();
      handler.signal(number, source, at, end);
    } else {
      const value = readVarint();
      if (head === CREDIT_RECORD) credited(number, value);
      else {
        const channel = refusedOutgoing(number);
        if (channel) handler.channelRefused(channel, value);
      }
    }
  };

  opened("", 0);
  return (head, number, id) => {
    const channel = incoming.get(number);
    if (head >= CONTROL_RECORD) controlled(head);
    else if (!refused.has(number)) {
      if (
        head > MESSAGE_BITS ||
        !channel ||
        (number === 0) !== ((head & CHANNEL_BIT) === 0) ||
        (id && ((head & CONTINUED_BIT) !== 0 || id.length === 0))
      )
        fail();
      else channel.record(head, id);
    }
  };
}
