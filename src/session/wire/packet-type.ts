// Numbers that stand alone, and not in objects, so that a bundler puts them where they are used and drops the others.

/** The packet with numbered records, to the end of the block, and an acknowledgement (`docs/wire/session-v1.md` §5). */
export const DATA_PACKET = 0x01;
/** Client: open or resume a session over this transport. Its first packet (§4.1). */
export const OPEN_PACKET = 0x02;
/** Server: the answer that says yes (§4.2). */
export const WELCOME_PACKET = 0x03;
/** Client: this transport carries the session from now on (§4.3). */
export const USE_PACKET = 0x04;
/** An acknowledgement without data. */
export const ACK_PACKET = 0x05;
/** Asks for a pong (§4.4). */
export const PING_PACKET = 0x06;
/** The answer to a ping. */
export const PONG_PACKET = 0x07;
/** The session has ended, at once (§4.5). */
export const RESET_PACKET = 0x08;
/** This transport ends; the session does not (§4.5). */
export const LEAVE_PACKET = 0x09;
/** A packet of a kind that the receiver does not know is skipped if this bit is set, and refused if not. */
export const SKIPPABLE_PACKET = 0x80;

/** The kinds of packets in a block, by name (§3). */
export const PacketType = {
  data: 0x01,
  open: 0x02,
  welcome: 0x03,
  use: 0x04,
  ack: 0x05,
  ping: 0x06,
  pong: 0x07,
  reset: 0x08,
  leave: 0x09,
} as const;

/** The version of the wire format that this is. */
export const SESSION_VERSION = 1;
/** No block is longer, in bytes; everybody has to take one of this size. */
export const MAX_BLOCK_BYTES = 65_536;
