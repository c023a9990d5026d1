import type { Duplex } from "node:stream";
import type { HttpHead } from "./http-head.js";

/** The server that is tested. */
export interface ServerTarget {
  /** The value for `Host`. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  connect(): Promise<Duplex>;
}

/** A client that connected to be tested. */
export interface AcceptedClient {
  readonly socket: Duplex;
  readonly request: HttpHead;
  /** What came behind the request. */
  readonly firstBytes: Buffer;
}
