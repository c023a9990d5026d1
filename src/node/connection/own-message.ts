import type { Buffer } from "node:buffer";
import { asBuffer } from "../as-buffer.js";
import { ownBytes, ownReceived } from "./own-bytes.js";
import { receiveBuffer } from "./receive-buffer.js";

/**
 * The range as a Buffer that is the application's to keep. It is copied where it lies in the buffer that is read into
 * next, or would keep alive a chunk of more than twice its size.
 */
export function ownMessage(bytes: Uint8Array, start: number, end: number): Buffer {
  // To ask for `buffer` takes longer than to copy a small message.
  if (bytes === receiveBuffer) return ownReceived(start, end);
  const { buffer } = bytes;
  if (buffer !== receiveBuffer.buffer && 2 * (end - start) >= buffer.byteLength)
    return asBuffer(bytes).subarray(start, end);
  return ownBytes(bytes, start, end);
}
