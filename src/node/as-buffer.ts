import { Buffer } from "node:buffer";
// Imported, here and where else it is quick: the global of Node is an accessor, which costs at every use.

/** The same bytes as a Buffer; no copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
