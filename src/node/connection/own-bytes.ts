import type { Buffer } from "node:buffer";
import { copyBytes } from "../../core/copy-bytes.js";
import { allocatePooled } from "../allocate-bytes.js";
import { NodeBuffer } from "../node-buffer.js";
import { sharedBytes } from "../shared-bytes.js";
import { receiveBuffer } from "./receive-buffer.js";

/** Where short messages are copied to, one behind the other. As large as Node's own: who keeps one keeps all of it. */
const POOL_BYTES = 8_192;
/** Up to so many bytes go into the pool, as with Node. */
const POOL_UP_TO_BYTES: number = POOL_BYTES / 2;
/** Up to so many bytes, words take less time than a view of the source and a call of `set`. */
const WORDS_UP_TO_BYTES = 192;
/** Messages begin at a multiple of it, as with Node: whoever makes a view of wider numbers can. */
const ALIGNMENT_MASK = 7;

const received = new DataView(receiveBuffer.buffer, receiveBuffer.byteOffset, receiveBuffer.byteLength);
let pool: Buffer = sharedBytes(POOL_BYTES);
let poolBytes: ArrayBufferLike = pool.buffer;
let poolWords = new DataView(poolBytes);
let poolUsed = 0;

/** A copy of what lies in {@link receiveBuffer}, the application's to keep. */
export function ownReceived(start: number, end: number): Buffer {
  const length = end - start;
  if (length > POOL_UP_TO_BYTES) return ownBytes(receiveBuffer, start, end);
  // Its length is 0 where it was taken away all the same: by `transfer()` of a Node that allows it.
  if (poolUsed + length > pool.length) {
    pool = sharedBytes(POOL_BYTES);
    poolBytes = pool.buffer;
    poolWords = new DataView(poolBytes);
    poolUsed = 0;
  }
  const at = poolUsed;
  if (length < 4 || length > WORDS_UP_TO_BYTES) {
    copyBytes(receiveBuffer, start, end, pool, at);
  } else {
    const last = length - 4;
    for (let i = 0; i < last; i += 4) poolWords.setInt32(at + i, received.getInt32(start + i));
    poolWords.setInt32(at + last, received.getInt32(start + last)); // some of it again, where it is no whole number of words
  }
  poolUsed = (at + length + ALIGNMENT_MASK) & ~ALIGNMENT_MASK;
  return new NodeBuffer(poolBytes, at, length);
}

/** A copy of `bytes[start, end)`, the application's to keep. */
export function ownBytes(bytes: Uint8Array, start: number, end: number): Buffer {
  const target = allocatePooled(end - start);
  copyBytes(bytes, start, end, target, 0);
  return target;
}
