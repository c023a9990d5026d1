import type { Http2Stream } from "node:http2";
import type { ByteStream } from "./byte-stream.js";

/** `NGHTTP2_CANCEL`. The module that has it is large, and only who uses HTTP/2 is to load it. */
const CANCEL = 8;

/**
 * Ends a stream at once. One of HTTP/2 is reset with CANCEL, which stands for the reset of a TCP connection (RFC 8441 §5);
 * Node alone would say NO_ERROR.
 */
export function dropStream(stream: ByteStream): void {
  if (isHttp2Stream(stream) && !stream.closed && !stream.destroyed) {
    stream.end = () => stream; // which `close` calls: an END_STREAM before it would say that all is well
    stream.close(CANCEL);
  }
  stream.destroy();
}

/** Whether it is a stream of an HTTP/2 session. */
export function isHttp2Stream(stream: ByteStream): stream is Http2Stream {
  return "rstCode" in stream;
}

/** Whether HTTP/2 is done with it, by a reset or by the end of both sides: nothing that is written leaves any more. */
export function isClosedStream(stream: ByteStream): boolean {
  return isHttp2Stream(stream) && stream.closed;
}
