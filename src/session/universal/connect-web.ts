import { browserHost } from "../../web/browser-host.js";
import { type HttpTransportName, httpDialer } from "../../web/http-dialer.js";
import { pageMemory } from "../../web/page-memory.js";
import { webSocketDialer } from "../../web/websocket-dialer.js";
import { Session } from "../client/session.js";
import type { SessionOptions } from "../client/session-options.js";
import { transportRace } from "../client/transport-race.js";
import type { TransportDialer, TransportName } from "../transport-port.js";
import { sessionUrl } from "./session-url.js";
import { transportsByName } from "./transports-by-name.js";

/** Makes the dialer of a transport. `url` has `ws:` or `wss:`. */
export type TransportMaker = (url: string, options: SessionOptions<Session>) => TransportDialer;

/** The transport over a WebSocket. */
export const webSocket: TransportMaker = (url) => webSocketDialer(url, globalThis.WebSocket);

const http =
  (name: HttpTransportName): TransportMaker =>
  (url, { withCookies }) =>
    httpDialer(name, url.replace(/^ws/, "http"), withCookies ? "include" : "omit");

/** The transport over a streamed answer, with POSTs for what goes up. */
export const stream: TransportMaker = /* @__PURE__ */ http("stream");
/** The transport over Server-Sent Events, with POSTs for what goes up. */
export const sse: TransportMaker = /* @__PURE__ */ http("sse");
/** The transport over requests that wait for their answer. */
export const longPolling: TransportMaker = /* @__PURE__ */ http("long-polling");
/** The transport over requests that ask from time to time. */
export const polling: TransportMaker = /* @__PURE__ */ http("polling");

/** The best first. */
const MAKERS: Readonly<Record<TransportName, TransportMaker>> = {
  websocket: webSocket,
  stream,
  sse,
  "long-polling": longPolling,
  polling,
};

/** What `connect` can be told. */
export interface ConnectOptions extends SessionOptions<Session> {
  /**
   * Which transports may be used, the best first. Default: all, a WebSocket first. The others are for networks where it does not
   * get through.
   */
  readonly transports?: readonly TransportName[] | undefined;
}

/**
 * Several transports, the best first: the next one is tried beside it where one does not get through, and a better one now and then
 * while the session lives on a lesser one.
 */
export function race(first: TransportMaker, ...others: TransportMaker[]): TransportMaker {
  return (url, options) =>
    transportRace(
      [first, ...others].map((make) => make(url, options)),
      browserHost,
      pageMemory(new URL(url).host),
    );
}

/**
 * Begins a session. It is there at once: what is sent before it is connected waits.
 * @param url `ws:`, `wss:`, `http:` or `https:`; in a page it may be relative.
 * @throws `UsageError` `INVALID_URL`, `INVALID_OPTION`.
 */
export function connect(url: string | URL, { transports, ...options }: ConnectOptions = {}): Session {
  return connectOver(race(...transportsByName(MAKERS, transports)), url, options);
}

/**
 * As {@link connect}, over this transport only, or over several: `race(webSocket, longPolling)`. What is not named is not in the bundle:
 * see the guide for what a page pays.
 */
export function connectOver(
  transport: TransportMaker,
  url: string | URL,
  options: SessionOptions<Session> = {},
): Session {
  const target = sessionUrl(url, (globalThis.location as Location | undefined)?.href);
  return new Session(transport(target, options), browserHost, options);
}
