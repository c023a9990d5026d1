import type {
  Dialing,
  DialListener,
  Transport,
  TransportDialer,
  TransportName,
} from "../session/transport-port.js";
import { sessionUrl } from "../session/wire/session-url.js";
import { HttpTransport } from "./http-transport.js";

/** The ways over HTTP. */
export type HttpTransportName = Exclude<TransportName, "websocket">;

/** Opens transports over HTTP: there is nothing to open, their first request carries the first block. */
export class HttpDialer implements TransportDialer {
  readonly name: HttpTransportName;
  readonly #url: string;
  readonly #credentials: "omit" | "include";

  /**
   * @param url as of the WebSocket, but `http:` or `https:`.
   * @param credentials whether cookies go along.
   */
  constructor(name: HttpTransportName, url: string, credentials: "omit" | "include") {
    this.name = name;
    const target = new URL(url);
    target.searchParams.set("via", name);
    this.#url = target.href;
    this.#credentials = credentials;
  }

  dial(listener: DialListener, sessionId: string): Dialing {
    let isAborted = false;
    queueMicrotask(() => {
      if (isAborted) return;
      isAborted = true;
      listener.opened(this.#open(sessionId));
    });
    return {
      abort() {
        isAborted = true;
      },
    };
  }

  /** One whose first request is its only one. */
  farewell(sessionId: string): Transport {
    return this.#open(sessionId, true);
  }

  #open(sessionId: string, isFarewell = false): Transport {
    return new HttpTransport(this.name, sessionUrl(this.#url, sessionId), this.#credentials, isFarewell);
  }
}
