import { Buffer } from "node:buffer";
import { isPlainIo } from "./plain-io.js";

type NodeBufferClass = new (
  ...values: [byteLength: number] | [bytes: ArrayBufferLike, start: number, length: number]
) => Buffer;

/**
 * Node's class of Buffers. To make a view by its constructor takes less time than `Buffer.from`, and zeroed bytes less than
 * `Buffer.allocUnsafeSlow` takes for some that are not; both come to the same.
 */
export const NodeBuffer: NodeBufferClass = findNodeBuffer();

function findNodeBuffer(): NodeBufferClass {
  const species = (Buffer as { [Symbol.species]?: unknown })[Symbol.species];
  if (!isPlainIo && typeof species === "function" && species.prototype === Buffer.prototype)
    return species as NodeBufferClass;
  // A constructor may return another object than `this`; an arrow function is none.
  return function documented(first: number | ArrayBuffer, start?: number, length?: number): Buffer {
    return typeof first === "number" ? Buffer.alloc(first) : Buffer.from(first, start, length);
  } as unknown as NodeBufferClass;
}
