/** The opcodes of RFC 6455 §5.2 and §11.8. */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** One of the six opcodes that RFC 6455 defines. */
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** The opcode of a message. */
export type MessageOpcode = typeof Opcode.text | typeof Opcode.binary;

/** The first bit of a frame: the last frame of its message (RFC 6455 §5.2). */
export const FIN_BIT = 0x80;
/** The bit that permessage-deflate sets on the first frame of a compressed message (RFC 7692 §6). */
export const RSV1_BIT = 0x40;
/** All three reserved bits. */
export const RSV_BITS = 0x70;
/** The bits of the opcode. */
export const OPCODE_BITS = 0x0f;
/** The bit of the second byte that says that the payload is masked. */
export const MASK_BIT = 0x80;
/** The most payload that a control frame may have (RFC 6455 §5.5). */
export const MAX_CONTROL_BYTES = 125;
