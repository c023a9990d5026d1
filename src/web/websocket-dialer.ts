import {
  type Dialing,
  type DialListener,
  DRAIN_ABOVE_BYTES,
  type Transport,
  type TransportDialer,
  type TransportReceiver,
} from "../session/transport-port.js";
import { sessionUrl } from "../session/wire/session-url.js";

/** How a session is asked for (`docs/wire/session-v1.md` §2.1). */
const SUBPROTOCOL = "hawser.1";
/** How often it is looked at whether what waits has left, in ms: the standard has no event for it. */
const DRAIN_INTERVAL_MS = 20;

/** Opens WebSockets: of the browser, or of a class that does the same. */
export class WebSocketDialer implements TransportDialer {
  readonly name = "websocket";
  readonly #url: string;
  readonly #WebSocket: typeof WebSocket;

  constructor(url: string, Class: typeof WebSocket) {
    this.#url = url;
    this.#WebSocket = Class;
  }

  dial(listener: DialListener, sessionId: string): Dialing {
    let socket: WebSocket;
    try {
      socket = new this.#WebSocket(sessionUrl(this.#url, sessionId), SUBPROTOCOL);
    } catch (error) {
      // A page may not: `ws:` in one that came by `https:`, or its policy forbids it.
      let isAborted = false;
      queueMicrotask(() => isAborted || listener.failed(0, String(error), 0));
      return { abort: () => void (isAborted = true) };
    }
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      socket.onopen = socket.onclose = null;
      listener.opened(new WebSocketTransport(socket));
    };
    socket.onclose = ({ code, reason }) =>
      listener.failed(sessionCode(code), reason || `closed with ${code}`, 0);
    return {
      abort() {
        if (socket.onopen === null) return;
        socket.onopen = socket.onclose = null;
        socket.close();
      },
    };
  }
}

/** One block, one binary message. */
class WebSocketTransport implements Transport {
  readonly name = "websocket";
  receiver!: TransportReceiver;
  readonly #socket: WebSocket;
  #isWatching = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") {
        this.close(4001);
        return;
      }
      const bytes = new Uint8Array(data as ArrayBuffer);
      this.receiver.block(bytes, 0, bytes.length);
    };
    socket.onclose = ({ code, reason }) => this.receiver.closed(sessionCode(code), reason);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    const socket = this.#socket;
    if (socket.readyState !== 1) return;
    socket.send(bytes.subarray(start, end) as Uint8Array<ArrayBuffer>);
    if (!this.#isWatching && socket.bufferedAmount > DRAIN_ABOVE_BYTES) {
      this.#isWatching = true;
      this.#watch();
    }
  }

  /** The reason stands in the last packet; browsers throw at one that is too long, and at codes of the standard. */
  close(code: number): void {
    this.#socket.close(sessionCode(code) || 1000);
  }

  #watch(): void {
    setTimeout(() => {
      if (this.#socket.readyState !== 1) return;
      if (this.#socket.bufferedAmount > DRAIN_ABOVE_BYTES / 2) {
        this.#watch();
        return;
      }
      this.#isWatching = false;
      this.receiver.drained();
    }, DRAIN_INTERVAL_MS);
  }
}

/** The codes that are ours; any other tells of the transport alone. */
function sessionCode(code: number): number {
  return code >= 4000 && code < 4600 ? code : 0;
}
