import { MASK_BIT } from "./opcode.js";

/** The most bytes a frame header can have: 2, a 64-bit length, a masking key (RFC 6455 §5.2). */
export const MAX_HEADER_BYTES = 14;

/** How many bytes the header of a frame takes, with its length in the shortest form (RFC 6455 §5.2). */
export function frameHeaderLength(payloadLength: number, masked: boolean): number {
  const base = payloadLength < 126 ? 2 : payloadLength < 65_536 ? 4 : 10;
  return masked ? base + 4 : base;
}

/**
 * Writes the first bytes of a frame: FIN, reserved bits and opcode as given in `firstByte`, and the length in its
 * shortest form. A masking key, where there is one, goes behind. Returns the position after what was written.
 */
export function writeFrameHeader(
  bytes: Uint8Array,
  position: number,
  firstByte: number,
  payloadLength: number,
  masked: boolean,
): number {
  const maskBit = masked ? MASK_BIT : 0;
  bytes[position] = firstByte;
  if (payloadLength < 126) {
    bytes[position + 1] = maskBit | payloadLength;
    return position + 2;
  }
  if (payloadLength < 65_536) {
    bytes[position + 1] = maskBit | 126;
    bytes[position + 2] = payloadLength >>> 8;
    bytes[position + 3] = payloadLength;
    return position + 4;
  }
  const high = Math.floor(payloadLength / 0x1_0000_0000);
  bytes[position + 1] = maskBit | 127;
  writeUint32(bytes, position + 2, high);
  writeUint32(bytes, position + 6, payloadLength);
  return position + 10;
}

function writeUint32(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value >>> 24;
  bytes[position + 1] = value >>> 16;
  bytes[position + 2] = value >>> 8;
  bytes[position + 3] = value;
}
