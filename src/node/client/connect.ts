import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { assertObject } from "../../core/assert-object.js";
import { HandshakeError, UsageError } from "../../core/hawser-error.js";
import { acceptKey } from "../../protocol/handshake/accept-key.js";
import { readConnectAnswer } from "../../protocol/handshake/client-connect.js";
import { readResponse } from "../../protocol/handshake/client-handshake.js";
import { headText } from "../../protocol/handshake/head-text.js";
import type { ConnectionContext } from "../connection/connection.js";
import { connectionContext } from "../connection/connection-context.js";
import { type ConnectEvent, diagnostics, type OpenEvent } from "../connection/diagnostics.js";
import { type Attempt, type AttemptOptions, firstAttempt, redirectedAttempt } from "./attempt.js";
import { ClientConnection } from "./client-connection.js";
import type { ConnectOptions } from "./connect-options.js";
import { dial } from "./dial.js";
import { Opening } from "./opening.js";
import { assertHttp2Option, overHttp2 } from "./over-http2.js";
import { type Answer, type AnswerHead, readHead } from "./read-head.js";
import { isRedirect } from "./redirect.js";
import { targetOf } from "./target.js";

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
const NO_BYTES = new Uint8Array(0);
/** As many as browsers follow for a page. */
const MOST_REDIRECTS = 20;

/**
 * Opens a WebSocket. Resolves when the opening handshake is done; by then `open` has been called, and other handlers
 * may have been too, if the server's first messages came along with its answer.
 *
 * @param url `ws:`, `wss:`, `http:`, `https:` or `ws+unix:/path/to.sock:/target`, without a fragment. Credentials in
 * it become Basic authorization, unless `headers` has an `Authorization`.
 * @throws `UsageError` for arguments that cannot work, `ConnectError` for everything else; both as a rejection.
 */
export async function connect<Data = undefined>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<ClientConnection<Data>> {
  const { context, maxRedirects, timeoutMs, first } = checkedConnect(url, options);
  let attempt = first;
  const opening = new Opening(timeoutMs, options.signal);
  try {
    for (;;) {
      const { stream, answer } = await run(opening, attempt, options);
      opening.check(); // it may have failed while the answer was on its way here
      const { head } = answer;
      if (maxRedirects === 0 || !isRedirect(head.status)) {
        return open(opening, context, attempt, stream, answer, options);
      }
      opening.dropStreams();
      if (attempt.redirects === maxRedirects) {
        throw opening.failWith("TOO_MANY_REDIRECTS", `more than ${maxRedirects} redirects`, detailsOf(head));
      }
      const next = redirectedAttempt(attempt, head, options);
      if (typeof next === "string") throw opening.failWith("INVALID_REDIRECT", next, detailsOf(head));
      attempt = next;
    }
  } finally {
    // Nothing is left of them here if it is open.
    opening.dropStreams();
    opening.end();
  }
}

/**
 * What {@link connect} begins with: nothing is opened before it is right.
 * @throws `UsageError` for arguments that cannot work.
 * @internal
 */
export function checkedConnect<Data>(
  url: string | URL,
  options: ConnectOptions<Data>,
): {
  readonly context: ConnectionContext;
  readonly maxRedirects: number;
  readonly timeoutMs: number;
  readonly first: Attempt;
} {
  assertObject(options, "options");
  assertSignal(options.signal);
  const context = connectionContext<ClientConnection<Data>>("client", options);
  const maxRedirects = count("maxRedirects", options.maxRedirects ?? 0, MOST_REDIRECTS);
  const timeoutMs = count(
    "handshakeTimeoutMs",
    options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS,
    Number.MAX_SAFE_INTEGER,
  );
  assertHttp2Option(options.http2);
  return {
    context,
    maxRedirects,
    timeoutMs,
    first: firstAttempt(targetOf(url, options.socketPath), options),
  };
}

async function run(
  opening: Opening,
  attempt: Attempt,
  options: AttemptOptions,
): Promise<{ stream: Duplex; answer: Answer<AnswerHead> }> {
  opening.check();
  if (diagnostics.connect.hasSubscribers) {
    const event: ConnectEvent = { url: attempt.target.href, redirects: attempt.redirects };
    diagnostics.connect.publish(event);
  }
  const over = attempt.connectFields === undefined ? undefined : await overHttp2(opening, attempt, options);
  if (over !== undefined && "stream" in over) {
    return { stream: over.stream, answer: { head: over.head, rest: NO_BYTES } };
  }
  const stream = over?.http1 ?? (await dial(opening, attempt.target, attempt.proxy, attempt.tls, options));
  opening.phase = "handshake";
  stream.write(attempt.requestHead, "latin1");
  return { stream, answer: await readHead(opening, stream) };
}

/** Checks the answer, and hands the stream over to a connection if it is the right one. */
function open<Data>(
  opening: Opening,
  context: ConnectionContext,
  attempt: Attempt,
  stream: Duplex,
  answer: Answer<AnswerHead>,
  options: ConnectOptions<Data>,
): ClientConnection<Data> {
  const { head, rest } = answer;
  const expected = {
    protocols: attempt.protocols,
    requireProtocol: options.requireProtocol,
    deflateOffer: attempt.deflate,
  };
  const { httpVersion } = head;
  const response =
    httpVersion === "2"
      ? readConnectAnswer(head, expected)
      : readResponse(
          { ...head, httpVersion },
          { ...expected, acceptKey: acceptKey(attempt.key, sha1Base64) },
        );
  if (response instanceof HandshakeError) {
    throw opening.failWith("HANDSHAKE_FAILED", response.message, { ...detailsOf(head), cause: response });
  }
  const agreed = {
    protocol: response.protocol ?? "",
    extensions: response.extensions,
    deflate: response.deflate,
  };
  const connection = new ClientConnection<Data>(
    context,
    stream,
    options.data as Data,
    agreed,
    attempt.target.href,
    { status: head.status, httpVersion: httpVersion === "2" ? "2" : "1.1", headers: head.headers },
  );
  // From here on nothing can be aborted or time out, not while `start` calls handlers either.
  opening.end();
  opening.release();
  if (diagnostics.open.hasSubscribers) {
    const event: OpenEvent<ClientConnection<Data>> = {
      socket: connection,
      requestHead:
        httpVersion === "2" ? headText("CONNECT HTTP/2", attempt.connectFields!) : attempt.requestHead,
      responseHead: headText(`HTTP/${head.httpVersion} ${head.status} ${head.reason}`, head.headers.raw),
    };
    diagnostics.open.publish(event);
  }
  connection.start(undefined, rest);
  return connection;
}

function detailsOf(head: AnswerHead): { status: number; headers: readonly string[] } {
  return { status: head.status, headers: head.headers.raw };
}

function sha1Base64(text: string): string {
  return createHash("sha1").update(text, "latin1").digest("base64");
}

function assertSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof aborted !== "boolean" || typeof addEventListener !== "function")
    throw new UsageError("INVALID_OPTION", "signal must be an AbortSignal");
}

function count(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new UsageError("INVALID_OPTION", `${name} must be a whole number from 0 to ${most}`);
}
