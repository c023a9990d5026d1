import { Buffer } from "node:buffer";
import { markAsUntransferable } from "node:worker_threads";

/**
 * Memory that many share, and of which others are handed parts: whoever transfers one to a worker must not take away the
 * rest. Node copies it then, or refuses, as with its own pool.
 */
export function sharedBytes(byteLength: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(byteLength);
  markAsUntransferable(bytes.buffer);
  return bytes;
}
