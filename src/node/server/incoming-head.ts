import type { IncomingMessage } from "node:http";
import type { RequestHead } from "../../protocol/handshake/head-parser.js";
import { HeaderList } from "../../protocol/handshake/header-list.js";

/**
 * Whether a request came over HTTP/2: it has a stream. Its version says nothing, for a request line of HTTP/1 may name any.
 */
export function isOverHttp2(incoming: IncomingMessage): boolean {
  return "stream" in incoming;
}

/** The head of a request that Node has read. One of HTTP/2 looks like one of HTTP/1.1, with a `Host`. */
export function incomingHead(incoming: IncomingMessage): RequestHead {
  const isHttp2 = isOverHttp2(incoming);
  return {
    method: incoming.method ?? "",
    target: incoming.url ?? "",
    httpVersion: isHttp2 || incoming.httpVersion === "1.1" ? "1.1" : "1.0",
    headers: new HeaderList(isHttp2 ? fieldsOf(incoming.rawHeaders) : incoming.rawHeaders),
  };
}

/** RFC 9113 §8.3.1: what stands before the fields, of which `:authority` is what `Host` was. */
function fieldsOf(raw: readonly string[]): string[] {
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (name === ":authority") fields.push("host", raw[i + 1]!);
    else if (!name.startsWith(":")) fields.push(name, raw[i + 1]!);
  }
  return fields;
}
