import type { Http2ServerResponse } from "node:http2";
import { LINGER_MS } from "./refuse-upgrade.js";

/**
 * Drops the stream of HTTP/2 of an answer of which nothing goes out for a while: who opens no window for it would keep it for
 * ever, and any number of them. Over HTTP/1.1 there is one at a time, in the buffers of the system.
 */
export function limitUnreadAnswer(response: object, afterMs: number = LINGER_MS): void {
  if (!("stream" in response)) return;
  const { stream } = response as Http2ServerResponse;
  stream?.setTimeout(afterMs, () => stream.destroy());
}
