import { encodeFailed } from "./codec-error.js";

/**
 * Whether a value is a `Uint8Array`, of any realm; a Node `Buffer` is one.
 * @throws CodecError `ENCODE_FAILED` for other views and for an `ArrayBuffer`: their bytes depend on the machine, or it
 * would be silently lost that they are there.
 */
export function isBytes(value: object): value is Uint8Array {
  if (ArrayBuffer.isView(value)) {
    const kind = (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag];
    if (kind === "Uint8Array") return true;
    throw encodeFailed(`a ${kind} cannot be encoded: make it a Uint8Array`);
  }
  if (value instanceof ArrayBuffer)
    throw encodeFailed("an ArrayBuffer cannot be encoded: make it a Uint8Array");
  return false;
}
