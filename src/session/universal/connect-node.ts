import type { DialOptions } from "../../node/client/dial-options.js";
import { nodeClientHost } from "../../node/session/node-client-host.js";
import { NodeWebSocketDialer } from "../../node/session/node-websocket-dialer.js";
import { processMemory } from "../../node/session/process-memory.js";
import { type HttpTransportName, httpDialer } from "../../web/http-dialer.js";
import { Session } from "../client/session.js";
import type { SessionOptions } from "../client/session-options.js";
import { transportRace } from "../client/transport-race.js";
import type { TransportDialer, TransportName } from "../transport-port.js";
import { sessionUrl } from "./session-url.js";
import { transportsByName } from "./transports-by-name.js";

/** What `connect` can be told on Node. */
export interface ConnectOptions extends SessionOptions<Session> {
  /**
   * Which transports may be used, the best first. Default: all, a WebSocket first. The others are for networks where it does not
   * get through.
   */
  readonly transports?: readonly TransportName[] | undefined;
  /** How WebSockets are opened: header fields, TLS, proxy... See `connect` of `hawser/client`. Other transports use `fetch`. */
  readonly dial?: DialOptions | undefined;
}

/** Makes the dialer of a transport. `url` has `ws:` or `wss:`. */
export type TransportMaker = (url: string, options: ConnectOptions) => TransportDialer;

/** The transport over a WebSocket. */
export const webSocket: TransportMaker = (url, { dial = {} }) => new NodeWebSocketDialer(url, dial);

const http =
  (name: HttpTransportName): TransportMaker =>
  (url) =>
    httpDialer(name, url.replace(/^ws/, "http"), "omit");

/** The transport over a streamed answer, with POSTs for what goes up. */
export const stream: TransportMaker = http("stream");
/** The transport over Server-Sent Events, with POSTs for what goes up. */
export const sse: TransportMaker = http("sse");
/** The transport over requests that wait for their answer. */
export const longPolling: TransportMaker = http("long-polling");
/** The transport over requests that ask from time to time. */
export const polling: TransportMaker = http("polling");

/** The best first. */
const MAKERS: Readonly<Record<TransportName, TransportMaker>> = {
  websocket: webSocket,
  stream,
  sse,
  "long-polling": longPolling,
  polling,
};

/** Several transports, the best first: see `race` in a page. */
export function race(first: TransportMaker, ...others: TransportMaker[]): TransportMaker {
  return (url, options) =>
    transportRace(
      [first, ...others].map((make) => make(url, options)),
      nodeClientHost,
      processMemory(new URL(url).host),
    );
}

/**
 * Begins a session. It is there at once: what is sent before it is connected waits.
 * @param url `ws:`, `wss:`, `http:` or `https:`.
 * @throws `UsageError` `INVALID_URL`, `INVALID_OPTION`.
 */
export function connect(url: string | URL, options: ConnectOptions = {}): Session {
  return connectOver(race(...transportsByName(MAKERS, options.transports)), url, options);
}

/** As {@link connect}, over this transport only, or over several: see `connectOver` in a page. */
export function connectOver(
  transport: TransportMaker,
  url: string | URL,
  options: ConnectOptions = {},
): Session {
  return new Session(transport(sessionUrl(url), options), nodeClientHost, options);
}
