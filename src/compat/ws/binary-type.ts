import type { Buffer } from "node:buffer";

/** What `binaryType` may be. */
export const BINARY_TYPES: readonly unknown[] = ["nodebuffer", "arraybuffer", "fragments", "blob"];

/** A binary message as `binaryType` wants it, which is not `nodebuffer`. */
export function asBinaryType(data: Buffer, type: string): ArrayBuffer | Buffer[] | Blob {
  switch (type) {
    case "arraybuffer":
      return data.byteLength === data.buffer.byteLength
        ? (data.buffer as ArrayBuffer)
        : (data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer);
    case "blob":
      return new Blob([data as Uint8Array<ArrayBuffer>]);
    default:
      return data.length === 0 ? [] : [data];
  }
}
