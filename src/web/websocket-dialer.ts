import { DRAIN_ABOVE_BYTES, type Transport, type TransportDialer } from "../session/transport-port.js";
import { BAD_PACKET_CODE } from "../session/wire/session-code.js";
import { sessionUrl } from "../session/wire/session-url.js";

/** How a session is asked for (`docs/wire/session-v1.md` §2.1). */
const SUBPROTOCOL = "hawser.1";
/** How often it is looked at whether what waits has left, in ms: the standard has no event for it. */
const DRAIN_INTERVAL_MS = 20;

/** Opens WebSockets: of the browser, or of a class that does the same. */
export function webSocketDialer(url: string, Class: typeof WebSocket): TransportDialer {
  return {
    name: "websocket",
    dial(opened, failed, sessionId) {
      let socket: WebSocket | undefined;
      let isOver = false;
      const fail = (code: number, reason: string): void => {
        if (!isOver) failed(code, reason, 0);
        isOver = true;
      };
      try {
        const opening = new Class(sessionUrl(url, sessionId), SUBPROTOCOL);
        socket = opening;
        opening.binaryType = "arraybuffer";
        opening.onopen = () => {
          if (isOver) return;
          isOver = true;
          opened(webSocketTransport(opening));
        };
        opening.onclose = ({ code, reason }) => fail(sessionCode(code), reason || `closed with ${code}`);
      } catch (error) {
        // A page may not: `ws:` in one that came by `https:`, or its policy forbids it.
        queueMicrotask(() => fail(0, String(error)));
      }
      return () => {
        if (!isOver) socket?.close();
        isOver = true;
      };
    },
  };
}

/** One block, one binary message. */
function webSocketTransport(socket: WebSocket): Transport {
  let isWatching = false;
  const watch = (): void => {
    isWatching = true;
    setTimeout(() => {
      if (socket.readyState !== 1) return;
      isWatching = false;
      if (socket.bufferedAmount > DRAIN_ABOVE_BYTES / 2) watch();
      else transport.receiver.drained();
    }, DRAIN_INTERVAL_MS);
  };
  const transport: Transport = {
    name: "websocket",
    receiver: undefined as never, // whoever it was opened for sets it at once
    get bufferedBytes() {
      return socket.bufferedAmount || 0; // React Native has none
    },
    send(bytes, start, end) {
      if (socket.readyState !== 1) return;
      socket.send(bytes.subarray(start, end) as Uint8Array<ArrayBuffer>);
      if (!isWatching && socket.bufferedAmount > DRAIN_ABOVE_BYTES) watch();
    },
    // The reason stands in the last packet; browsers throw at one that is too long, and at codes of the standard.
    close: (code) => socket.close(sessionCode(code) || 1000),
  };
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") transport.close(BAD_PACKET_CODE, "");
    else transport.receiver.block(new Uint8Array(data as ArrayBuffer), 0, (data as ArrayBuffer).byteLength);
  };
  socket.onclose = ({ code, reason }) => transport.receiver.closed(sessionCode(code), reason);
  return transport;
}

/** The codes that are ours; any other tells of the transport alone. */
function sessionCode(code: number): number {
  return code >= 4000 && code < 4600 ? code : 0;
}
