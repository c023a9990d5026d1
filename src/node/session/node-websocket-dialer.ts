import { assertObject } from "../../core/assert-object.js";
import { ConnectError } from "../../core/hawser-error.js";
import type { DialFailed, TransportDialer, TransportOpened } from "../../session/transport-port.js";
import { sessionUrl } from "../../session/wire/session-url.js";
import type { ClientConnection } from "../client/client-connection.js";
import { checkedConnect, connect } from "../client/connect.js";
import type { DialOptions } from "../client/dial-options.js";
import { SESSION_SUBPROTOCOL } from "../session-subprotocol.js";
import {
  SESSION_CONNECTION_OPTIONS,
  type WebSocketTransport,
  webSocketHandlers,
} from "../transports/websocket-transport.js";

/** Opens WebSockets for the sessions of a client on Node. */
export class NodeWebSocketDialer implements TransportDialer {
  readonly name = "websocket";
  readonly #url: string;
  readonly #options: DialOptions;

  /** @throws `UsageError` for options that cannot work. */
  constructor(url: string, options: DialOptions) {
    assertObject(options, "dial");
    if (options.tls !== undefined) assertObject(options.tls, "dial.tls");
    // A proxy that the environment names is nobody's mistake here: other transports do without it.
    checkedConnect(url, { ...options, proxy: options.proxy ?? false });
    this.#url = url;
    this.#options = options;
  }

  dial(opened: TransportOpened, failed: DialFailed, sessionId: string): () => void {
    const abort = new AbortController();
    const { signal } = abort;
    let isOver = false;
    const isOpen = (transport: WebSocketTransport): void => {
      isOver = true;
      opened(transport);
    };
    connect<unknown>(sessionUrl(this.#url, sessionId), {
      compression: false, // what a session sends is for the session to compress
      ...this.#options,
      ...SESSION_CONNECTION_OPTIONS,
      ...webSocketHandlers<ClientConnection<unknown>>(isOpen),
      protocols: SESSION_SUBPROTOCOL,
      requireProtocol: true,
      signal,
    }).catch((error: unknown) => {
      if (isOver) return;
      isOver = true;
      const message = (error instanceof Error ? error.message : String(error)).trim(); // OpenSSL ends a line
      failed(0, message, error instanceof ConnectError ? retryAfterMs(error) : 0);
    });
    return () => {
      if (isOver) return;
      isOver = true;
      abort.abort();
    };
  }
}

/** `Retry-After` in seconds (RFC 9110 §10.2.3); a date is not worth a parser here. */
function retryAfterMs({ headers }: ConnectError): number {
  const index = headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === "retry-after");
  const seconds = Number(headers[index + 1]);
  return index >= 0 && seconds > 0 ? Math.min(seconds, 3_600) * 1_000 : 0;
}
