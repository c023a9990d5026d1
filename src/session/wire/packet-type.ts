/** The kinds of packets in a block (`docs/wire/session-v1.md` §3). */
export const PacketType = {
  /** Numbered records, to the end of the block, with an acknowledgement. */
  data: 0x01,
  /** Client: open or resume a session over this transport. Its first packet. */
  open: 0x02,
  /** Server: the answer that says yes. */
  welcome: 0x03,
  /** Client: this transport carries the session from now on. */
  use: 0x04,
  /** An acknowledgement without data. */
  ack: 0x05,
  /** Asks for a pong. */
  ping: 0x06,
  /** The answer to a ping. */
  pong: 0x07,
  /** The session has ended, at once. */
  reset: 0x08,
  /** This transport ends; the session does not. */
  leave: 0x09,
} as const;

/** A packet of a kind that the receiver does not know is skipped if this bit is set, and refused if not. */
export const SKIPPABLE_PACKET = 0x80;

/** The version of the wire format that this is. */
export const SESSION_VERSION = 1;

/** No block is longer, in bytes; everybody has to take one of this size. */
export const MAX_BLOCK_BYTES = 65_536;

/** The bits in the first byte of a record that is (part of) a message (§5). */
export const RecordBit = {
  /** Binary, not text. */
  binary: 0x01,
  /** The message goes on in another record of this channel. */
  more: 0x02,
  /** The message began in an earlier record of this channel. */
  continued: 0x04,
  /** The number of the channel follows; without it the channel is 0. */
  channel: 0x08,
  /** The id of the message follows. Never together with `continued`. */
  id: 0x10,
} as const;

/** The first byte of a record that is not part of a message (§5.2). */
export const ControlRecord = {
  /** Gives a number to a channel of this name. */
  openChannel: 0x80,
  /** Nothing more comes on a channel; its number is free. */
  closeChannel: 0x81,
  /** The sender of this does not take what is sent on a channel. */
  refuseChannel: 0x82,
  /** How far the other side may send on a channel. */
  credit: 0x83,
  /** Something between the layers above, outside of the channels. */
  signal: 0x84,
  /** The last record: the session is closed in order. */
  end: 0x85,
} as const;

/** A control record of a kind that the receiver does not know is skipped if this bit is set, and refused if not. */
export const SKIPPABLE_RECORD = 0x40;
