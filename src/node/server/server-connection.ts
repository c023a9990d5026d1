import type { Indexed } from "../../core/indexed-set.js";
import type { ByteStream } from "../byte-stream.js";
import { Connection, type ConnectionContext } from "../connection/connection.js";
import type { Agreement } from "../connection/connection-core.js";
import type { UpgradeRequest } from "./upgrade-request.js";

/** A connection on a server. `data` is what the `upgrade` hook returned. */
export class ServerConnection<Data = undefined> extends Connection<Data> implements Indexed {
  /** The request that opened it: path, query, header fields, cookies, address. */
  readonly request: UpgradeRequest;
  /** @internal Part of `Indexed`: among the connections of its server. */
  indexInSet = -1;

  /** @internal */
  constructor(
    context: ConnectionContext,
    stream: ByteStream,
    data: Data,
    agreed: Agreement,
    request: UpgradeRequest,
  ) {
    super(context, stream, data, agreed);
    this.request = request;
  }
}
