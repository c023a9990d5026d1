import type { IncomingMessage } from "node:http";
import type { RequestHead } from "../../protocol/handshake/head-parser.js";
import { HeaderList } from "../../protocol/handshake/header-list.js";

/** The head of a request that Node has read. */
export function incomingHead(incoming: IncomingMessage): RequestHead {
  return {
    method: incoming.method ?? "",
    target: incoming.url ?? "",
    httpVersion: incoming.httpVersion === "1.1" ? "1.1" : "1.0",
    headers: new HeaderList(incoming.rawHeaders),
  };
}
