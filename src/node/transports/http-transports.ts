import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isOriginAllowed, type OriginPolicy } from "../../protocol/handshake/origin-policy.js";
import type { Transport, TransportName } from "../../session/transport-port.js";
import {
  HttpRequestKind,
  POLLING_IDLE_MS,
  type ReadHttpRequest,
  readHttpRequest,
} from "../../session/wire/http-request.js";
import { isOverHttp2 } from "../server/incoming-head.js";
import { limitUnreadAnswer } from "../server/limit-unread-answer.js";
import type { UpgradeRequest } from "../server/upgrade-request.js";
import { warnOf } from "../thrown-text.js";
import type { HttpTransport } from "./http-transport.js";
import { PolledTransport } from "./polled-transport.js";
import { RelayedAnswer, type RelayedHttpRequest } from "./relayed-answer.js";
import { type BodyBudget, parsedBody, REQUEST_BYTES, RequestBody } from "./request-body.js";
import { BINARY_STREAM, EVENT_STREAM } from "./stream-encoding.js";
import { StreamedTransport } from "./streamed-transport.js";

/** What {@link HttpTransports} needs to know. */
export interface HttpTransportsOptions {
  /** The ways that are open to clients. */
  readonly transports: ReadonlySet<TransportName>;
  /** The most transports at a time; more are refused with 503. */
  readonly maxTransports: number;
  /** What requests that are not there as a whole may hold, in bytes. */
  readonly maxBodyBytes: number;
  /** Whether pages of other origins may send cookies along. */
  readonly allowsCookies: boolean;
  /** Told of each new transport, before any of its blocks; it sets `receiver` before it returns. */
  opened(transport: Transport, request: UpgradeRequest): void;
  /** The way to the transports of other nodes. Undefined where there are none. */
  readonly elsewhere?: TransportsElsewhere | undefined;
}

/** The way to the HTTP transports of other nodes. */
export interface TransportsElsewhere {
  /**
   * Has the node that has a transport answer a request.
   * @param done called with its answer, or with 410 if there is none, 503 or 504; not behind a cancel.
   * @returns what cancels it.
   */
  ask(
    transport: Uint8Array,
    body: Uint8Array,
    request: UpgradeRequest,
    done: (status: number, body: Uint8Array) => void,
  ): () => void;
}

const ALLOWED_METHODS = "POST, GET, HEAD, OPTIONS";
/** How long a browser remembers that it may send, in seconds: more than two hours Chromium does not believe. */
const PREFLIGHT_SECONDS = "7200";
/** When to come back where there is no room, in seconds. */
const RETRY_SECONDS = "5";

const MAKERS: ReadonlyMap<string, () => HttpTransport> = new Map<string, () => HttpTransport>([
  ["stream", () => new StreamedTransport(BINARY_STREAM)],
  ["sse", () => new StreamedTransport(EVENT_STREAM)],
  ["long-polling", () => new PolledTransport("long-polling")],
  ["polling", () => new PolledTransport("polling")],
]);

/** The transports of a server that come in ordinary HTTP requests, and the way in for these (`docs/wire/session-v1.md` §2.4). */
export class HttpTransports {
  readonly #options: HttpTransportsOptions;
  readonly #budget: BodyBudget;
  /** By what clients call them; random, so that nobody finds that of another. */
  readonly #transports = new Map<string, HttpTransport>();
  #isShutDown = false;
  /** What ends the polls that other nodes were asked. */
  readonly #asked = new Set<() => void>();
  /** Those that nothing but their last words is kept of, the oldest first. */
  readonly #over = new Set<HttpTransport>();
  /** Those that were in use when it was shut down. */
  readonly #leaving = new Set<HttpTransport>();
  #onEmpty: (() => void) | undefined = undefined;

  constructor(options: HttpTransportsOptions) {
    this.#options = options;
    this.#budget = { heldBytes: 0, maxBytes: options.maxBodyBytes };
  }

  /** How many there are. */
  get size(): number {
    return this.#transports.size;
  }

  /** Takes no new ones from now on. Those that are there end with their sessions. */
  shutDown(): void {
    this.#isShutDown = true;
    for (const transport of this.#transports.values()) if (!transport.isOver) this.#leaving.add(transport);
    for (const end of [...this.#asked]) end();
  }

  /** Resolves when none is left of those that were in use at the shutdown: the last words of each were fetched. */
  emptied(): Promise<void> {
    if (this.#leaving.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Whether the transport of this name is here. */
  has(transport: Uint8Array): boolean {
    return this.#transports.has(nameOf({ transport }));
  }

  /** Answers a request that a client sent to another node. Never throws for what is in it. */
  answer(body: Uint8Array, request: RelayedHttpRequest): void {
    const read = readHttpRequest(body);
    const found = read && this.#transports.get(nameOf(read));
    if (read === undefined || found === undefined) {
      request.answer(410, NO_BYTES);
    } else if (read.kind === HttpRequestKind.up) {
      request.answer(found.take(read, body) ? 204 : 400, NO_BYTES);
    } else if (found instanceof PolledTransport) {
      const result = found.answer(read, body, new RelayedAnswer(request));
      if (result !== "answered") request.answer(result, NO_BYTES);
    } else {
      found.drop("its first request was repeated");
      request.answer(410, NO_BYTES);
    }
  }

  /** Answers a request, whatever it is. Never throws for what a client does. */
  handle(
    incoming: IncomingMessage,
    response: ServerResponse,
    request: UpgradeRequest,
    origins: OriginPolicy,
  ): void {
    response.setHeader("cache-control", "no-store, no-transform");
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("vary", "Origin");
    const { method } = incoming;
    // One that goes on to be used would keep the server from ending.
    if (this.#isShutDown && !isOverHttp2(incoming)) response.setHeader("connection", "close");
    if (!this.#admitOrigin(response, request, origins)) {
      refuse(incoming, response, 403, "This origin is not allowed");
    } else if (method === "OPTIONS") {
      response.setHeader("allow", ALLOWED_METHODS);
      response.writeHead(204).end();
    } else if (method === "GET" || method === "HEAD") {
      const reason = "This is for WebSockets, and for the POSTs of Hawser's clients";
      if (isOverHttp2(incoming)) {
        refuse(incoming, response, 404, reason); // which has no `Upgrade`: Node would throw, and 426 has to have one
      } else {
        response.setHeader("upgrade", "websocket");
        refuse(incoming, response, 426, reason);
      }
    } else if (method !== "POST") {
      response.setHeader("allow", ALLOWED_METHODS);
      refuse(incoming, response, 405, "A session is opened with POST");
    } else if ((incoming.headers["content-encoding"] ?? "identity") !== "identity") {
      refuse(incoming, response, 415, "A body is not encoded here");
    } else {
      this.#read(incoming, response, request);
    }
  }

  #read(incoming: IncomingMessage, response: ServerResponse, request: UpgradeRequest): void {
    const parsed = parsedBody(incoming);
    if (parsed !== undefined) {
      this.#take(incoming, response, request, parsed);
      return;
    }
    new RequestBody(incoming, this.#budget, (result) => {
      if (Buffer.isBuffer(result)) {
        this.#take(incoming, response, request, result);
      } else {
        if (result === 503) response.setHeader("retry-after", RETRY_SECONDS);
        refuse(incoming, response, result, REASONS[result]);
      }
    });
  }

  #take(incoming: IncomingMessage, response: ServerResponse, request: UpgradeRequest, body: Buffer): void {
    const read = readHttpRequest(body);
    if (read === undefined) {
      refuse(incoming, response, 400, "Not a request of a session");
      return;
    }
    const found = this.#transports.get(nameOf(read));
    const { elsewhere } = this.#options;
    if (found === undefined && elsewhere !== undefined && read.number !== 1) {
      this.#ask(elsewhere, incoming, response, request, read, body);
      return;
    }
    if (read.kind === HttpRequestKind.up) {
      const status = found === undefined ? 410 : found.take(read, body) ? 204 : 400;
      response.writeHead(status).end();
      return;
    }
    const transport = found ?? this.#open(incoming, response, request, read);
    if (transport === undefined) return;
    const result = transport.answer(read, body, response);
    if (result !== "answered") response.writeHead(result).end();
  }

  /** A request for a transport that another node may have. */
  #ask(
    elsewhere: TransportsElsewhere,
    incoming: IncomingMessage,
    response: ServerResponse,
    request: UpgradeRequest,
    read: ReadHttpRequest,
    body: Buffer,
  ): void {
    const budget = this.#budget;
    const heldBytes = REQUEST_BYTES + body.length;
    if (budget.heldBytes + heldBytes > budget.maxBytes) {
      response.setHeader("retry-after", RETRY_SECONDS);
      refuse(incoming, response, 503, REASONS[503]);
      return;
    }
    budget.heldBytes += heldBytes;
    let isOver = false;
    let cancel = (): void => {};
    const finish = (): void => {
      isOver = true;
      budget.heldBytes -= heldBytes;
      this.#asked.delete(end);
    };
    const end = (): void => {
      if (isOver) return;
      finish();
      cancel();
      if (response.headersSent || response.destroyed) return;
      // The client asks again, and finds another node: not over this connection.
      if (!isOverHttp2(incoming)) response.setHeader("connection", "close");
      response.writeHead(200, { "content-type": POLLED_TYPE, "content-length": NO_BLOCKS.length });
      response.end(NO_BLOCKS);
    };
    cancel = elsewhere.ask(read.transport, body, request, (status, answer) => {
      if (isOver) return;
      finish();
      if (response.headersSent || response.destroyed) return;
      if (status === 200) {
        response.writeHead(200, { "content-type": POLLED_TYPE, "content-length": answer.length });
        response.end(answer);
        limitUnreadAnswer(response, POLLING_IDLE_MS);
      } else if (status === 503 || status === 504) {
        if (status === 503) response.setHeader("retry-after", RETRY_SECONDS);
        refuse(incoming, response, status, REASONS[status]);
      } else response.writeHead(status).end();
    });
    if (isOver) return;
    if (read.kind === HttpRequestKind.down) {
      if (this.#isShutDown)
        end(); // a poll that is held would keep the server from ending
      else this.#asked.add(end);
    }
    response.on("error", ignore); // `close` follows
    response.on("close", () => {
      if (isOver) return;
      finish();
      cancel();
    });
  }

  /** The first request of a transport; or it is refused. */
  #open(
    incoming: IncomingMessage,
    response: ServerResponse,
    request: UpgradeRequest,
    read: ReadHttpRequest,
  ): HttpTransport | undefined {
    const { transports, maxTransports, opened } = this.#options;
    const via = request.query.get("via") ?? "";
    const make = transports.has(via as TransportName) ? MAKERS.get(via) : undefined;
    if (read.number !== 1) {
      refuse(incoming, response, 410, "No such transport, or none any more");
    } else if (make === undefined) {
      refuse(incoming, response, 404, "No such way");
    } else if (this.#isShutDown || (this.#transports.size >= maxTransports && !this.#makeRoom())) {
      response.setHeader("retry-after", RETRY_SECONDS);
      refuse(incoming, response, 503, "No room");
    } else {
      const transport = make();
      const name = nameOf(read);
      this.#transports.set(name, transport);
      transport.onOver = () => void this.#over.add(transport);
      transport.onForgotten = () => {
        this.#transports.delete(name);
        this.#over.delete(transport);
        this.#leaving.delete(transport);
        if (this.#leaving.size === 0) this.#onEmpty?.();
      };
      opened(transport, request);
      return transport;
    }
    return undefined;
  }

  /** Last words may be fetched as long as nobody needs their place. Whether there was such a place. */
  #makeRoom(): boolean {
    const [oldest] = this.#over;
    oldest?.drop("its place is needed");
    return oldest !== undefined;
  }

  /** Whether the page may do this, if it is one; and what its browser has to know for that. */
  #admitOrigin(response: ServerResponse, request: UpgradeRequest, origins: OriginPolicy): boolean {
    const { headers } = request;
    const [origin, ...others] = headers.getAll("origin");
    if (origin === undefined) return true;
    const { host, path, target } = request;
    const mark = target.indexOf("?");
    const query = mark === -1 ? "" : target.slice(mark + 1);
    const asked = { key: "", host, origin, target, path, query, protocols: [], extensions: [], headers };
    try {
      if (others.length > 0 || !isOriginAllowed(origins, asked)) return false;
    } catch (error) {
      warnOf(error); // the application's own policy
      return false;
    }
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", "Retry-After");
    if (this.#options.allowsCookies) response.setHeader("access-control-allow-credentials", "true");
    if (headers.has("access-control-request-method")) {
      response.setHeader("access-control-allow-methods", "POST");
      response.setHeader("access-control-allow-headers", "Content-Type");
      response.setHeader("access-control-max-age", PREFLIGHT_SECONDS);
    }
    return true;
  }
}

const REASONS = {
  408: "The body took too long",
  413: "The body is too long",
  503: "No room",
  504: "The node that has this transport cannot be asked",
} as const;
const POLLED_TYPE = "application/octet-stream";
const NO_BYTES = new Uint8Array(0);
/** An answer to a poll that has the number 0. */
const NO_BLOCKS = Buffer.from([0]);

function ignore(): void {}

function nameOf({ transport }: Pick<ReadHttpRequest, "transport">): string {
  return String.fromCharCode(...transport);
}

/** Answers with a status. What may still come of the request is not read as another one: the connection ends. */
function refuse(incoming: IncomingMessage, response: ServerResponse, status: number, reason: string): void {
  if (response.headersSent || response.destroyed) return;
  const body = `${reason}\n`;
  if (!isOverHttp2(incoming)) {
    const fields = [...(status === 426 ? ["Upgrade"] : []), ...(incoming.complete ? [] : ["close"])];
    if (fields.length > 0) response.setHeader("connection", fields.join(", "));
  }
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": body.length,
  });
  response.end(body);
  limitUnreadAnswer(response);
}
