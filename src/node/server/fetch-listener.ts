import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { warnOf } from "../thrown-text.js";
import type { FetchHandler } from "./fetch-handler.js";

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
  if (request === undefined) {
    outgoing.writeHead(400, { connection: "close" }).end();
    return;
  }
  try {
    const remoteAddress = incoming.socket.remoteAddress ?? "";
    const response = await fetch(request, { incoming, outgoing, remoteAddress });
    await send(response, outgoing, incoming.method === "HEAD");
  } catch (error) {
    if (gone.signal.aborted || outgoing.destroyed) return; // nobody is there to be told
    warnOf(error);
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(500).end();
  }
}

/** Undefined for what the web has no `Request` for: a `Host` that is none, the methods CONNECT and TRACE. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { url = "/", method = "GET", rawHeaders, headers: parsed, socket } = incoming;
  const scheme = "encrypted" in socket && socket.encrypted === true ? "https" : "http";
  try {
    const headers = new Headers();
    for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
    // RFC 9112 §3.2: the target is a path, or the whole of the URL as a proxy is given it.
    const href = url.startsWith("/") ? `${scheme}://${parsed.host ?? "localhost"}${url}` : url;
    const init: RequestInit = { method, headers, signal };
    const hasBody = parsed["content-length"] !== undefined || parsed["transfer-encoding"] !== undefined;
    if (hasBody && method !== "GET" && method !== "HEAD") {
      Object.assign(init, { body: Readable.toWeb(incoming), duplex: "half" });
    }
    return new Request(href, init);
  } catch {
    return undefined;
  }
}

async function send(response: Response, outgoing: ServerResponse, isHead: boolean): Promise<void> {
  const { status, statusText, headers, body } = response;
  outgoing.statusCode = status;
  if (statusText !== "") outgoing.statusMessage = statusText;
  for (const [name, value] of headers) if (name !== "set-cookie") outgoing.setHeader(name, value);
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
