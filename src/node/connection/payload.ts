import { Buffer } from "node:buffer";
import { isAnyArrayBuffer } from "node:util/types";
import { UsageError } from "../../core/hawser-error.js";

/** Bytes in any of JavaScript's shapes. */
export type BinaryData = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/**
 * The bytes of `data`, by reference.
 * @throws {@link UsageError} `INVALID_PAYLOAD` for anything that is not bytes: a number must never turn into that many
 * bytes of uninitialised memory.
 */
export function bytesOf(data: BinaryData): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // Not `instanceof`: a buffer of another realm, that of a test runner say, is one too.
  if (isAnyArrayBuffer(data)) return new Uint8Array(data);
  throw new UsageError(
    "INVALID_PAYLOAD",
    `only strings, ArrayBuffers, views of them and prepared messages can be sent, not ${describe(data)}`,
  );
}

/** The bytes of the payload of a ping or pong. */
export function controlPayload(data: string | BinaryData): Uint8Array {
  return typeof data === "string" ? Buffer.from(data) : bytesOf(data);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}
