import { Buffer } from "node:buffer";
import { MAX_BLOCK_HEADER_BYTES, writeBlockHeader } from "../../session/wire/block-frames.js";
import { FILLER_BYTES } from "../../session/wire/http-request.js";
import { asBuffer } from "../as-buffer.js";

/** How blocks stand in an answer that does not end (`docs/wire/session-v1.md` §2.4.2). */
export interface StreamEncoding {
  readonly name: "stream" | "sse";
  readonly contentType: string;
  /** What the answer begins with. */
  readonly filler: Buffer;
  /** What says nothing. */
  readonly beat: Buffer;
  /** A block as it is written; a copy. */
  encode(bytes: Uint8Array, start: number, end: number): Buffer;
}

/** Blocks behind their lengths. */
export const BINARY_STREAM: StreamEncoding = {
  name: "stream",
  contentType: "application/octet-stream",
  filler: Buffer.alloc(FILLER_BYTES),
  beat: Buffer.alloc(1),
  encode(bytes, start, end) {
    const encoded = Buffer.allocUnsafe(MAX_BLOCK_HEADER_BYTES + end - start);
    const at = writeBlockHeader(encoded, 0, end - start);
    encoded.set(bytes.subarray(start, end), at);
    return encoded.subarray(0, at + end - start);
  },
};

const DATA = "data: ";

/** Server-Sent Events (HTML §9.2): a block is an event, in base64. */
export const EVENT_STREAM: StreamEncoding = {
  name: "sse",
  contentType: "text/event-stream",
  filler: Buffer.from(`:${" ".repeat(FILLER_BYTES)}\n\n`),
  beat: Buffer.from(":\n\n"),
  encode: (bytes, start, end) =>
    Buffer.from(`${DATA}${asBuffer(bytes).toString("base64", start, end)}\n\n`, "latin1"),
};
