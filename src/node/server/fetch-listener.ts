import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { warnOf } from "../thrown-text.js";
import type { FetchHandler } from "./fetch-handler.js";
import { incomingHead, isOverHttp2 } from "./incoming-head.js";

/** About the connection, which HTTP/2 has other words for: Node drops such a field with a warning, or throws (RFC 9113 §8.2.2). */
const NOT_OVER_HTTP2: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Gives ordinary requests of Node to a web-standard handler, and its responses to Node. */
export function fetchListener(fetch: FetchHandler): RequestListener {
  return (incoming, outgoing) => void answer(fetch, incoming, outgoing);
}

async function answer(
  fetch: FetchHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  const request = requestOf(incoming, gone.signal);
  const isHttp2 = isOverHttp2(incoming);
  if (request === undefined) {
    outgoing.writeHead(400, isHttp2 ? {} : { connection: "close" }).end();
    return;
  }
  outgoing.on("finish", () => discardUnread(request, incoming));
  try {
    const remoteAddress = incoming.socket.remoteAddress ?? "";
    const response = await fetch(request, { incoming, outgoing, remoteAddress });
    await send(response, outgoing, incoming.method === "HEAD", isHttp2);
  } catch (error) {
    if (gone.signal.aborted || outgoing.destroyed) return; // nobody is there to be told
    warnOf(error);
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(500).end();
  }
}

/** Undefined for what the web has no `Request` for: a `Host` that is none, the methods CONNECT and TRACE. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { url = "/", method = "GET", headers: parsed, socket } = incoming;
  const fields = incomingHead(incoming).headers;
  const scheme = "encrypted" in socket && socket.encrypted === true ? "https" : "http";
  try {
    const headers = new Headers();
    for (const [name, value] of fields) headers.append(name, value);
    // RFC 9112 §3.2: the target is a path, or the whole of the URL as a proxy is given it.
    const href = url.startsWith("/") ? `${scheme}://${fields.get("host") ?? "localhost"}${url}` : url;
    const init: RequestInit = { method, headers, signal };
    const hasBody = isOverHttp2(incoming)
      ? !(incoming as object as Http2ServerRequest).stream.endAfterHeaders
      : parsed["content-length"] !== undefined || parsed["transfer-encoding"] !== undefined;
    if (hasBody && method !== "GET" && method !== "HEAD") {
      Object.assign(init, { body: Readable.toWeb(incoming), duplex: "half" });
    }
    return new Request(href, init);
  } catch {
    return undefined;
  }
}

/**
 * Node throws away what is left of a request that was answered, so that the client may send the next one, but only where
 * nobody has begun to read it: and a web stream of it has, up to its mark.
 */
function discardUnread({ body, bodyUsed }: Request, incoming: IncomingMessage): void {
  if (body === null || bodyUsed || body.locked || incoming.readableEnded) return;
  incoming.removeAllListeners("data");
  incoming.resume();
}

async function send(
  response: Response,
  outgoing: ServerResponse,
  isHead: boolean,
  isHttp2: boolean,
): Promise<void> {
  const { status, statusText, headers, body } = response;
  outgoing.statusCode = status;
  if (statusText !== "" && !isHttp2) outgoing.statusMessage = statusText;
  for (const [name, value] of headers) {
    if (name !== "set-cookie" && !(isHttp2 && NOT_OVER_HTTP2.has(name))) outgoing.setHeader(name, value);
  }
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  if (body === null || isHead) {
    await body?.cancel();
    outgoing.end();
  } else {
    const source = Readable.fromWeb(body as ReadableStream);
    // Before `pipeline` destroys the response for it, and it looks as if the client had gone.
    source.once("error", (error) => {
      if (!outgoing.destroyed) warnOf(error);
    });
    await pipeline(source, outgoing);
  }
}
