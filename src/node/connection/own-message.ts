import type { Buffer } from "node:buffer";
import { asBuffer } from "../as-buffer.js";
import { ownBytes, ownReceived } from "./own-bytes.js";
import { receiveBuffer } from "./receive-buffer.js";

/**
 * The range as a Buffer that is the application's to keep. It is copied unless the engine says that it was made for this
 * message, `isFresh`, and even then where it would keep alive a buffer of more than twice its size.
 */
export function ownMessage(bytes: Uint8Array, start: number, end: number, isFresh: boolean): Buffer {
  if (bytes === receiveBuffer) return ownReceived(start, end);
  // To ask for `buffer` takes longer than to copy a small message.
  if (isFresh && 2 * (end - start) >= bytes.buffer.byteLength) return asBuffer(bytes).subarray(start, end);
  return ownBytes(bytes, start, end);
}
