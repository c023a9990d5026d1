import type { TransportName } from "../transport-port.js";
import { MAX_BLOCK_BYTES } from "../wire/packet-type.js";
import { WireReader } from "../wire/wire-reader.js";

/** What a message between nodes is about (`docs/wire/relay-v1.md` §3). */
export const RelayMessageType = {
  // From the gate, which has the client, to the owner, which has the session.
  open: 0x01,
  upBlock: 0x02,
  upLost: 0x03,
  upClose: 0x04,
  upCredit: 0x05,
  upGone: 0x06,
  // From the owner to the gate.
  accepted: 0x11,
  downBlock: 0x12,
  downClose: 0x14,
  downCredit: 0x15,
  downGone: 0x16,
  // A request of an HTTP transport, for the node that has the transport.
  request: 0x21,
  held: 0x22,
  cancel: 0x23,
  answer: 0x24,
  // To all, and the answer.
  find: 0x31,
  found: 0x32,
  // About the node itself.
  beat: 0x41,
  leaving: 0x42,
  echo: 0x43,
} as const;

/** A message of a kind that is not known is skipped if this bit is set; else what stands behind it is not read. */
const SKIPPABLE = 0x80;

/** What is looked for with `find`. */
export const Findable = { transport: 0, session: 1 } as const;

/** Bytes of the name of a node: random, so that two never have the same. */
export const NODE_NAME_BYTES = 12;
/** Bytes of what is looked for: the name of an HTTP transport, the id of a session. */
export const FOUND_ID_BYTES = 16;
/** The most that is told of the request that a transport came in, in bytes. */
export const MAX_RELAYED_REQUEST_BYTES = 65_536;
/** The most bytes of the body of an answer to a request: a transport stops its session at an eighth of that. */
export const MAX_ANSWER_BYTES = 524_288;

const TRANSPORTS: readonly TransportName[] = ["websocket", "stream", "sse", "long-polling", "polling"];

/** The number that stands for a kind of transport. */
export function transportNumber(name: TransportName): number {
  return TRANSPORTS.indexOf(name) + 1;
}

/** A message that was read. What its kind does not have is 0, or empty. */
export interface RelayMessage {
  readonly type: number;
  /** Which relay of the gate, or which request of the node that asks: numbers of its own. */
  readonly id: number;
  /** The number of a message of a relay, from 1 on; in `accepted`, that of the next one. */
  readonly number: number;
  /** How many bytes of blocks of the other direction were taken so far. */
  readonly taken: number;
  /** In `downBlock`, the number of the last message that the owner had from the gate. */
  readonly heard: number;
  /** A session code, or 0; in `answer` the status; in `find` what is looked for. */
  readonly code: number;
  /** The kind of the transport, in `open`. */
  readonly transport: TransportName;
  /** In `open` the request; in `find` the id. */
  readonly field: Uint8Array;
  /** Where the rest lies, in the envelope: a block, a reason, a body. */
  readonly start: number;
  readonly end: number;
}

const NOTHING = new Uint8Array(0);
const { open, upBlock, upLost, upClose, upCredit, upGone, accepted, downBlock, downClose } = RelayMessageType;
const { downCredit, downGone, request, held, cancel, answer, find, found } = RelayMessageType;
const { beat, leaving, echo } = RelayMessageType;

/**
 * Reads the body of a message, `bytes[start, end)`. Undefined if it breaks a rule; null if its kind is not known and may be
 * skipped. Never throws.
 */
export function readRelayMessage(
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): RelayMessage | null | undefined {
  const reader = new WireReader(bytes, start, end);
  let id = 0;
  let number = 0;
  let taken = 0;
  let heard = 0;
  let code = 0;
  let transport: TransportName = "websocket";
  let field: Uint8Array = NOTHING;
  let hasRest = false;
  switch (type) {
    case open: {
      id = reader.varint();
      const name = TRANSPORTS[reader.varint() - 1];
      if (name === undefined) return undefined;
      transport = name;
      field = reader.field(MAX_RELAYED_REQUEST_BYTES);
      hasRest = true;
      if (!isBlock(reader)) return undefined;
      break;
    }
    case upBlock:
    case downBlock:
      id = reader.varint();
      number = reader.varint();
      taken = reader.varint();
      if (type === downBlock) heard = reader.varint();
      hasRest = true;
      if (number === 0 || !isBlock(reader)) return undefined;
      break;
    case upLost:
      id = reader.varint();
      number = reader.varint();
      taken = reader.varint();
      if (number === 0) return undefined;
      break;
    case upClose:
    case downClose:
      id = reader.varint();
      number = reader.varint();
      taken = reader.varint();
      code = reader.varint();
      hasRest = true;
      if (number === 0 || (code !== 0 && (code < 4000 || code >= 4600))) return undefined;
      if (reader.end - reader.at > MAX_REASON_BYTES) return undefined;
      break;
    case upCredit:
    case downCredit:
      id = reader.varint();
      taken = reader.varint();
      break;
    case accepted:
      id = reader.varint();
      number = reader.varint();
      if (number === 0) return undefined;
      break;
    case upGone:
    case downGone:
    case held:
    case cancel:
    case found:
      id = reader.varint();
      break;
    case request:
      id = reader.varint();
      hasRest = true;
      break;
    case answer:
      id = reader.varint();
      code = reader.varint();
      hasRest = true;
      if (code < 200 || code > 599 || reader.end - reader.at > MAX_ANSWER_BYTES) return undefined;
      break;
    case find:
      id = reader.varint();
      code = reader.varint();
      field = reader.take(FOUND_ID_BYTES);
      if (code > Findable.session) return undefined;
      break;
    case beat:
    case leaving:
    case echo:
      break;
    default:
      return type >= SKIPPABLE ? null : undefined;
  }
  // Behind the fields of one that has no rest there may be more, in a later version.
  if (reader.isBad) return undefined;
  const { at } = reader;
  return { type, id, number, taken, heard, code, transport, field, start: at, end: hasRest ? end : at };
}

/** The most that is said about why a transport ends, in bytes. */
export const MAX_REASON_BYTES = 123;

function isBlock({ isBad, at, end }: WireReader): boolean {
  return !isBad && end > at && end - at <= MAX_BLOCK_BYTES;
}
