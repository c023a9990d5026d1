import type { Duplex } from "node:stream";
import type { HeaderList } from "../../protocol/handshake/header-list.js";
import { Connection, type ConnectionContext } from "../connection/connection.js";
import type { Agreement } from "../connection/connection-core.js";

/** The server's answer to the opening handshake. */
export interface ClientResponse {
  /** 101, or over HTTP/2 200. */
  readonly status: number;
  /** The HTTP it came over: over `2` many connections share one of TCP. */
  readonly httpVersion: "1.1" | "2";
  readonly headers: HeaderList;
}

/**
 * One open WebSocket, as the client sees it. Made by `connect()`.
 *
 * @typeParam Data what the application keeps with the connection.
 */
export class ClientConnection<Data = undefined> extends Connection<Data> {
  /** Where it leads, after redirects; without the credentials of the URL, so that it can be logged. */
  readonly url: string;
  /** What the server answered to the opening handshake. */
  readonly response: ClientResponse;

  /** @internal */
  constructor(
    context: ConnectionContext,
    stream: Duplex,
    data: Data,
    agreed: Agreement,
    url: string,
    response: ClientResponse,
  ) {
    super(context, stream, data, agreed);
    this.url = url;
    this.response = response;
  }
}
