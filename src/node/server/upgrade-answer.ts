import { assertObject } from "../../core/assert-object.js";
import { UsageError } from "../../core/hawser-error.js";
import { typeName } from "../../core/type-name.js";
import { assertFields } from "../../protocol/handshake/head-text.js";
import { assertRefusalStatus, RESERVED_IN_REFUSAL } from "../../protocol/handshake/server-handshake.js";
import type { ConnectionHandlers } from "../connection/connection-options.js";
import { flatFields, type HeaderFields } from "./header-fields.js";
import type { ServerConnection } from "./server-connection.js";

/** An `upgrade` hook lets the connection in. Made by {@link accept}. */
export class Acceptance<Data> {
  /** Becomes `socket.data`. */
  readonly data: Data;
  /** Header fields of the 101, as a flat list. */
  readonly headers: readonly string[];
  /** The subprotocol, which must be one the client offered; undefined leaves the choice to `protocols`. */
  readonly protocol: string | undefined;
  /** @internal The handlers of this connection, instead of those of the endpoint. */
  readonly handlers: ConnectionHandlers<ServerConnection<unknown>> | undefined;

  constructor(
    data: Data,
    headers: readonly string[],
    protocol: string | undefined,
    handlers?: ConnectionHandlers<ServerConnection<unknown>>,
  ) {
    this.data = data;
    this.headers = headers;
    this.protocol = protocol;
    this.handlers = handlers;
  }
}

/** An `upgrade` hook refuses. Made by {@link refuse}. */
export class Refusal {
  /** The HTTP status. */
  readonly status: number;
  /** Header fields, as a flat list. */
  readonly headers: readonly string[];
  /** The body. */
  readonly body: string | Uint8Array;

  /** @throws `UsageError` for what cannot be answered: `INVALID_OPTION`, `INVALID_HEADER`. */
  constructor(status: number, headers: readonly string[], body: string | Uint8Array) {
    assertRefusalStatus(status);
    assertFields(headers, RESERVED_IN_REFUSAL);
    if (typeof body !== "string" && !(body instanceof Uint8Array))
      throw new UsageError("INVALID_OPTION", `body must be a string, not ${typeName(body)}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** What an `upgrade` hook answers. */
export type UpgradeAnswer<Data> = Acceptance<Data> | Refusal;

/**
 * Lets the connection in; `data` is then `socket.data`.
 * @param options `headers` go into the 101 (a cookie, say); `protocol` chooses a subprotocol.
 */
export function accept(): Acceptance<undefined>;
export function accept<Data>(data: Data, options?: AcceptOptions): Acceptance<Data>;
export function accept(data?: unknown, options: AcceptOptions = {}): Acceptance<unknown> {
  assertObject(options, "options of accept(data, { headers, protocol })");
  return new Acceptance(data, flatFields(options.headers), options.protocol);
}

/** What {@link accept} can add. */
export interface AcceptOptions {
  /** Header fields for the 101. Default none. */
  readonly headers?: HeaderFields | undefined;
  /** The subprotocol: one that the client offered. By default the `protocols` of the endpoint decide. */
  readonly protocol?: string | undefined;
}

/**
 * Refuses the connection, with an HTTP answer.
 * @param status 300 to 599, without 304: 401 to ask for credentials, 403 for no, 302 with `Location`, 503 for later.
 * @throws `UsageError` for what cannot be answered: `INVALID_OPTION`, or `INVALID_HEADER`.
 */
export function refuse(status: number, options: RefuseOptions = {}): Refusal {
  assertObject(options, "options of refuse(status, { body, headers })");
  const { headers, body = "" } = options;
  return new Refusal(status, flatFields(headers), body);
}

/** What {@link refuse} can add. */
export interface RefuseOptions {
  /** Header fields of the answer. Default none but `Content-Type`, which is `text/plain; charset=utf-8` unless given. */
  readonly headers?: HeaderFields | undefined;
  /** The body. Default empty: browsers do not show it to pages. */
  readonly body?: string | undefined;
}
