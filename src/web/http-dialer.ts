import type { Transport, TransportDialer, TransportName } from "../session/transport-port.js";
import { sessionUrl } from "../session/wire/session-url.js";
import { httpTransport } from "./http-transport.js";

/** The ways over HTTP. */
export type HttpTransportName = Exclude<TransportName, "websocket">;

/**
 * Opens transports over HTTP: there is nothing to open, their first request carries the first block.
 * @param target as of the WebSocket, but `http:` or `https:`.
 * @param credentials whether cookies go along.
 */
export function httpDialer(
  name: HttpTransportName,
  target: string,
  credentials: "omit" | "include",
): TransportDialer {
  const url = new URL(target);
  url.searchParams.set("via", name);
  const open = (sessionId: string, isFarewell?: boolean): Transport =>
    httpTransport(name, sessionUrl(url.href, sessionId), credentials, isFarewell);
  return {
    name,
    dial(opened, _failed, sessionId) {
      let isAborted = false;
      queueMicrotask(() => {
        if (isAborted) return;
        isAborted = true;
        opened(open(sessionId));
      });
      return () => {
        isAborted = true;
      };
    },
    // One whose first request is its only one.
    farewell: (sessionId) => open(sessionId, true),
  };
}
