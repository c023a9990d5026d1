import type { ConnectOptions } from "hawser/client";
import type { ServeOptions } from "hawser/server";
import { MAX_MESSAGE_BYTES } from "../limits.js";
import type { Peer } from "../peer.js";
import { hawserPeer } from "./hawser.js";

/** A window takes less at once than the system takes of a socket, so that more waits with us. */
const maxBufferedBytes = 2 * MAX_MESSAGE_BYTES;
const client: Pick<ConnectOptions, "http2" | "maxBufferedBytes"> = {
  http2: "prior-knowledge",
  maxBufferedBytes,
};
const server: Pick<ServeOptions, "http2" | "maxBufferedBytes"> = { http2: true, maxBufferedBytes };

/** Hawser over HTTP/2, at both ends. */
export const hawserHttp2: Peer = hawserPeer("Hawser over HTTP/2", client, server);
