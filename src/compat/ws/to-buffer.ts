import { Buffer } from "node:buffer";

/**
 * What `send` takes as bytes: no copy of bytes, views and ArrayBuffers; everything else as `Buffer.from` takes it.
 * @throws TypeError for what has no bytes.
 */
export function toBuffer(data: unknown): Buffer {
  if (Buffer.isBuffer(data)) return data;
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as ArrayBuffer);
}

/** Whether it is a `Blob` or a `File`, of any realm. */
export function isBlob(value: unknown): value is Blob {
  if (typeof value !== "object" || value === null) return false;
  const { arrayBuffer, stream, type } = value as Partial<Blob>;
  const tag = (value as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag];
  return (
    typeof arrayBuffer === "function" &&
    typeof stream === "function" &&
    typeof type === "string" &&
    (tag === "Blob" || tag === "File")
  );
}
