import { Buffer, isAscii, isUtf8 } from "node:buffer";
import { randomFillSync } from "node:crypto";
import type { EngineHost } from "../protocol/engine-host.js";
import { allocateBytes } from "./allocate-bytes.js";
import { asBuffer } from "./as-buffer.js";
import { nowMs } from "./clock.js";
import { ZlibDeflateContext } from "./deflate/deflate-context.js";
import { ZlibInflateContext } from "./deflate/inflate-context.js";
import { hasWasmDeflate } from "./deflate/wasm-deflate.js";
import { WasmDeflateContext } from "./deflate/wasm-deflate-context.js";
import { utf8Write } from "./utf8-write.js";

/** Randomness is drawn in blocks: one call of the system for 2,048 masking keys. */
const masks = new Int32Array(2048);
let nextMask = masks.length;

/** The engine's host on Node: native text functions, the system's randomness, zlib. */
export const nodeHost: EngineHost = {
  allocate: allocateBytes,
  isUtf8: (bytes, start, end) => isUtf8(partOf(bytes, start, end)),
  isAscii: (bytes, start, end) => isAscii(partOf(bytes, start, end)),
  utf8ByteLength: (text) => Buffer.byteLength(text),
  utf8Write,
  utf8Decode: (bytes, start, end) => asBuffer(bytes).toString("utf8", start, end),
  randomMask() {
    if (nextMask === masks.length) {
      randomFillSync(masks);
      nextMask = 0;
    }
    return masks[nextMask++]!;
  },
  nowMs,
  createDeflate: (windowBits) =>
    hasWasmDeflate ? new WasmDeflateContext(windowBits) : new ZlibDeflateContext(windowBits),
  createInflate: (windowBits) => new ZlibInflateContext(windowBits),
};

function partOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
