import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import type { Duplex } from "node:stream";
import type { HttpHead } from "./http-head.js";

/** The server that is tested. */
export interface ServerTarget {
  /** The value for `Host`. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  connect(): Promise<Duplex>;
  /** Over HTTP/2: a session of its own. */
  connectSession?(): Promise<ClientHttp2Session>;
}

/** A client that connected to be tested. */
export interface AcceptedClient {
  readonly socket: Duplex;
  readonly request: HttpHead;
  /** Over HTTP/2: the fields of the request as they came. */
  readonly connectFields?: IncomingHttpHeaders;
  /** What came behind the request. */
  readonly firstBytes: Buffer;
}
