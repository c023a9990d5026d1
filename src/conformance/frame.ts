import { randomBytes } from "node:crypto";

/** The opcodes of RFC 6455 §5.2. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame to be built: any, and so also one that is forbidden. */
export interface FrameInput {
  readonly opcode: number;
  /** Default: empty. */
  readonly payload?: Uint8Array;
  /** Default: true. */
  readonly fin?: boolean;
  /** The three reserved bits as a number: 4 is RSV1. Default: 0. */
  readonly rsv?: number;
  /** The masking key; without it the frame is not masked. */
  readonly mask?: Uint8Array | undefined;
  /** How many bits carry the length: 7, 16 or 64. Default: the fewest that do. */
  readonly lengthBits?: 7 | 16 | 64;
  /** A length to declare that is not that of the payload. Default: that of the payload. */
  readonly declaredBytes?: bigint;
}

/** The bytes of a frame (RFC 6455 §5.2). */
export function buildFrame(input: FrameInput): Buffer {
  const { opcode, payload = new Uint8Array(0), fin = true, rsv = 0, mask } = input;
  const length = input.declaredBytes ?? BigInt(payload.length);
  const bits = input.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const lengthBytes = bits === 7 ? 0 : bits / 8;
  const frame = Buffer.allocUnsafe(2 + lengthBytes + (mask === undefined ? 0 : 4) + payload.length);
  frame[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  frame[1] = (mask === undefined ? 0 : 0x80) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127);
  if (bits === 16) frame.writeUInt16BE(Number(length), 2);
  if (bits === 64) frame.writeBigUInt64BE(length, 2);
  let offset = 2 + lengthBytes;
  if (mask !== undefined) {
    frame.set(mask, offset);
    offset += 4;
  }
  frame.set(payload, offset);
  if (mask !== undefined) xorMask(frame.subarray(offset), mask);
  return frame;
}

/** Masks or unmasks in place (RFC 6455 §5.3). */
export function xorMask(bytes: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= mask[i & 3]!;
}

/** A new masking key. */
export function maskKey(): Buffer {
  return randomBytes(4);
}

/** The payload of a close frame (RFC 6455 §5.5.1). */
export function closePayload(code: number, reason: string | Uint8Array = ""): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, typeof reason === "string" ? Buffer.from(reason) : reason]);
}
