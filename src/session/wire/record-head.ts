// The first byte of a record (`docs/wire/session-v1.md` §5). Numbers that stand alone, for bundlers.

/** A message: it is binary, not text. */
export const BINARY_BIT = 0x01;
/** A message: it goes on in another record of this channel. */
export const MORE_BIT = 0x02;
/** A message: it began in an earlier record of this channel. */
export const CONTINUED_BIT = 0x04;
/** A message: the number of the channel follows; without it the channel is 0. */
export const CHANNEL_BIT = 0x08;
/** A message: its id follows. Never together with {@link CONTINUED_BIT}. */
export const ID_BIT = 0x10;
/** All bits that a message may have. */
export const MESSAGE_BITS = 0x1f;

/** From here on it is not a message. */
export const CONTROL_RECORD = 0x80;
/** Gives a number to a channel of this name. */
export const OPEN_CHANNEL_RECORD = 0x80;
/** Nothing more comes on a channel; its number is free. */
export const CLOSE_CHANNEL_RECORD = 0x81;
/** The sender of this does not take what is sent on a channel. */
export const REFUSE_CHANNEL_RECORD = 0x82;
/** How far the other side may send on a channel. */
export const CREDIT_RECORD = 0x83;
/** Something between the layers above, outside of the channels. */
export const SIGNAL_RECORD = 0x84;
/** The last record: the session is closed in order. */
export const END_RECORD = 0x85;
/** A control record of a kind that the receiver does not know is skipped if this bit is set, and refused if not. */
export const SKIPPABLE_RECORD = 0x40;
