import type { EventEmitter } from "node:events";
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { TokenBucket } from "../../core/token-bucket.js";
import { readConnectHead } from "../../protocol/handshake/connect-head.js";
import { isWebSocketConnect } from "../../protocol/handshake/server-connect.js";
import { nowMs } from "../clock.js";
import { HandshakeGuard } from "./handshake-guard.js";
import type { Server } from "./server.js";

/** `NGHTTP2_ENHANCE_YOUR_CALM`. The module that has it is large, and only who uses HTTP/2 is to load it. */
const ENHANCE_YOUR_CALM = 11;
/** How many handshakes a session may give up before they are answered, at once and for each second. */
const MAX_ABANDONED = 100;
const MAX_ABANDONED_PER_SECOND = 10;

/** Gets the servers at an HTTP/2 server, and whether an extended CONNECT that is none of theirs is left to others. */
export interface ConnectStreamsOptions {
  readonly servers: () => Iterable<Server>;
  readonly hasOthers: () => boolean;
}

/**
 * Takes the extended CONNECTs out of what a session brings to its HTTP/2 server. All that listen to its streams are asked
 * behind us: Node's own request and response objects, once made for a stream, would answer it, too.
 */
export function takeConnectStreams(session: ServerHttp2Session, options: ConnectStreamsOptions): void {
  const events: EventEmitter = session;
  const listeners = events.listeners("stream");
  events.removeAllListeners("stream");
  const abandoned = new AbandonedHandshakes(session);
  events.on("stream", (...event: StreamEvent) => {
    const [stream, headers, , rawHeaders = rawOf(headers)] = event;
    if (headers[":protocol"] !== undefined && take(stream, rawHeaders, abandoned, options)) return;
    for (const listener of listeners) listener.apply(session, event);
  });
}

type StreamEvent = [
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders & { readonly ":protocol"?: string },
  flags: number,
  rawHeaders: readonly string[] | undefined,
];

function take(
  stream: ServerHttp2Stream,
  rawHeaders: readonly string[],
  abandoned: AbandonedHandshakes,
  { servers, hasOthers }: ConnectStreamsOptions,
): boolean {
  const head = readConnectHead(rawHeaders);
  const all = [...servers()];
  const responsible = isWebSocketConnect(head)
    ? all.find((server) => server.hasRouteTo(head.target))
    : undefined;
  if (responsible === undefined && hasOthers()) return false;
  const server = responsible ?? all[0];
  if (server === undefined) return false;
  const guard = new StreamGuard(stream, abandoned);
  // It may have come and gone in one read, or its session is about to be.
  if (abandoned.isEnding || stream.destroyed || stream.closed) abandoned.add();
  else void server.acceptor.upgradeStream(head, stream, guard);
  return true;
}

/** Older versions of Node may give none. */
function rawOf(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [String(value)]).flatMap((one) => [name, one]),
  );
}

/** Owns the stream until its handshake is answered. */
class StreamGuard extends HandshakeGuard {
  readonly #abandoned: AbandonedHandshakes;
  #isTimedOut = false;

  constructor(stream: ServerHttp2Stream, abandoned: AbandonedHandshakes) {
    super(stream, 0);
    this.#abandoned = abandoned;
  }

  protected override onTimeout(): void {
    this.#isTimedOut = true;
    super.onTimeout();
  }

  override onClose(): void {
    super.onClose();
    if (!this.#isTimedOut) this.#abandoned.add();
  }
}

/**
 * Ends a session that opens streams and resets them before they are answered ("rapid reset", CVE-2023-44487): what the
 * application does for each goes on, but no limit on what is open at a time counts it.
 */
class AbandonedHandshakes {
  readonly #session: ServerHttp2Session;
  #bucket: TokenBucket | undefined = undefined;
  /** Whether the session is about to be ended. */
  isEnding = false;

  constructor(session: ServerHttp2Session) {
    this.#session = session;
  }

  /** One more. */
  add(): void {
    if (this.#session.destroyed || this.isEnding) return;
    const now = nowMs();
    const burstMs = (MAX_ABANDONED / MAX_ABANDONED_PER_SECOND) * 1_000;
    this.#bucket ??= new TokenBucket(MAX_ABANDONED_PER_SECOND, burstMs, now);
    if (this.#bucket.take(1, now) === 0) return;
    this.isEnding = true;
    // Not at once: in the middle of what is being received, Node 20 may go on resetting the streams for ever.
    const error = new Error("the session gives up too many handshakes");
    setImmediate(() => this.#session.destroy(error, ENHANCE_YOUR_CALM));
  }
}
