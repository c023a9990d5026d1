/** The opcodes that the generator writes and reads (RFC 6455 §11.8). */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Not of zeros, so that no server is spared the work of unmasking. */
export const LOAD_MASK: readonly number[] = [0x37, 0xfa, 0x21, 0x3d];

/** How a frame is built. */
export interface LoadFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Whether it is masked, as a client's has to be. */
  readonly isMasked: boolean;
  /** Whether the payload is compressed (RSV1, RFC 7692 §7.2.1). */
  readonly isCompressed?: boolean;
}

/** How many bytes the header of an unmasked frame has. */
export function headerBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10;
}

/** The bytes of a frame with FIN. It is built before anything is measured, so it may be slow. */
export function loadFrame({ opcode, payload, isMasked, isCompressed = false }: LoadFrame): Buffer {
  const lengthEnd = headerBytes(payload.length);
  const start = lengthEnd + (isMasked ? 4 : 0);
  const frame = Buffer.alloc(start + payload.length);
  frame[0] = 0x80 | (isCompressed ? 0x40 : 0) | opcode;
  const maskBit = isMasked ? 0x80 : 0;
  if (lengthEnd === 2) {
    frame[1] = maskBit | payload.length;
  } else if (lengthEnd === 4) {
    frame[1] = maskBit | 126;
    frame.writeUInt16BE(payload.length, 2);
  } else {
    frame[1] = maskBit | 127;
    frame.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  frame.set(payload, start);
  if (isMasked) {
    frame.set(LOAD_MASK, lengthEnd);
    for (let i = 0; i < payload.length; i++) frame[start + i]! ^= LOAD_MASK[i & 3]!;
  }
  return frame;
}
