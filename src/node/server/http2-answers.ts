import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { HeaderList } from "../../protocol/handshake/header-list.js";
import { connectAcceptFields, connectRefusalFields } from "../../protocol/handshake/server-connect.js";
import type { HandshakeAnswers } from "./handshake-answers.js";
import { HandshakeGuard } from "./handshake-guard.js";
import { LINGER_MS } from "./refuse-upgrade.js";

/** The answers over HTTP/2 (RFC 8441 §5): on the stream, of which nobody else on the session hears. */
export const http2Answers: HandshakeAnswers = {
  isSentAtOnce: true,
  accept(stream, _key, accepted) {
    const fields = connectAcceptFields(accepted);
    (stream as ServerHttp2Stream).respond(http2Headers(fields));
    return textOf(fields);
  },
  refuse(duplex, error, body = `${error.message}\n`) {
    const stream = duplex as ServerHttp2Stream;
    if (stream.destroyed || stream.closed || stream.headersSent) return undefined;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const hasType = new HeaderList(error.headers).has("content-type");
    const fields = connectRefusalFields({
      status: error.status,
      headers: error.headers,
      bodyBytes: bytes.length,
      bodyType: hasType ? undefined : "text/plain; charset=utf-8",
    });
    const guard = new HandshakeGuard(stream, LINGER_MS);
    stream.respond(http2Headers(fields));
    // RFC 9113 §8.1: with NO_ERROR behind the whole answer, the client need not send any more.
    // Not in the middle of what Node receives, where it would have to wait for the end of that.
    stream.once("finish", () => setImmediate(() => stream.close()));
    stream.end(bytes);
    stream.resume();
    return guard;
  },
};

/** A flat list as Node's HTTP/2 wants it: what is repeated as a list. Its names are in lower case. */
export function http2Headers(fields: readonly string[]): OutgoingHttpHeaders {
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

/** For tracing: HTTP/2 has no text of its own. */
function textOf([, status, ...fields]: readonly string[]): string {
  const lines = [...new HeaderList(fields)].map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/2 ${status}`, ...lines, "", ""].join("\r\n");
}
