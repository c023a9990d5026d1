import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { HandshakeError, UsageError } from "../../core/hawser-error.js";
import { IndexedSet } from "../../core/indexed-set.js";
import { isThenable } from "../../core/is-thenable.js";
import { acceptDeflateOffer } from "../../protocol/extensions/deflate-negotiation.js";
import type { ConnectHead } from "../../protocol/handshake/connect-head.js";
import type { RequestHead } from "../../protocol/handshake/head-parser.js";
import { HeaderList } from "../../protocol/handshake/header-list.js";
import { isOriginAllowed } from "../../protocol/handshake/origin-policy.js";
import { readConnectRequest } from "../../protocol/handshake/server-connect.js";
import {
  chooseProtocol,
  type HandshakeRequest,
  readRequest,
} from "../../protocol/handshake/server-handshake.js";
import { PreparedMessage } from "../../protocol/prepared-message.js";
import type { ByteStream } from "../byte-stream.js";
import type { Connection, ConnectionContext } from "../connection/connection.js";
import { connectionContext } from "../connection/connection-context.js";
import type { ConnectionHandlers } from "../connection/connection-options.js";
import { diagnostics } from "../connection/diagnostics.js";
import { MemoryBudget } from "../connection/memory-budget.js";
import type { BinaryData } from "../connection/payload.js";
import { prepareMessage } from "../connection/prepare-message.js";
import type { SendStatus } from "../connection/send-status.js";
import { watchRejection } from "../connection/watch-rejection.js";
import { dropStream } from "../drop-stream.js";
import { RawSocket } from "../raw-socket.js";
import { warnOf } from "../thrown-text.js";
import { breaksDeflate } from "./breaks-deflate.js";
import type { BroadcastOptions } from "./broadcast-options.js";
import { BroadcastRelay } from "./broadcast-relay.js";
import { ConnectionCount } from "./connection-count.js";
import type { Endpoint } from "./endpoint.js";
import { type HandshakeAnswers, http1Answers } from "./handshake-answers.js";
import { HandshakeGuard } from "./handshake-guard.js";
import { http2Answers } from "./http2-answers.js";
import { incomingHead } from "./incoming-head.js";
import { endpointOf, type PreparedEndpoint, prepareEndpoint, withoutHandlers } from "./prepared-endpoint.js";
import { requestText } from "./request-text.js";
import { type RouteMatch, RouteTable } from "./route-table.js";
import { ServerConnection } from "./server-connection.js";
import { serverLimits } from "./server-limits.js";
import type { ServerLimits, ServerOptions } from "./server-options.js";
import { type ShutdownOptions, shutdownOptions } from "./shutdown-options.js";
import { Acceptance, Refusal, type UpgradeAnswer } from "./upgrade-answer.js";
import { UpgradeRequest } from "./upgrade-request.js";

/** Of a request that was not read to its end. */
const UNKNOWN_HEAD: RequestHead = { method: "", target: "", httpVersion: "1.1", headers: new HeaderList([]) };

const NO_BYTES = new Uint8Array(0);

/** An upgrade request on its way to a connection, or to a refusal. */
interface UpgradeAttempt {
  readonly request: UpgradeRequest;
  readonly stream: ByteStream;
  readonly firstBytes: Uint8Array;
  readonly guard: HandshakeGuard;
  readonly answers: HandshakeAnswers;
  /** Whether it has a place among the connections that are allowed. */
  isCounted: boolean;
  refusalBody: string | Uint8Array | undefined;
}

/** The answer where there is no hook. */
const ANYBODY = new Acceptance<unknown>(undefined, [], undefined);

/**
 * The connections of a server, and the way in for new ones. Made by `serve` (with a port of its own), `attach` (beside
 * an existing HTTP server) or `createServer` (which leaves it to the caller to bring upgrade requests).
 */
export class Server {
  readonly #connections = new IndexedSet<ServerConnection<unknown>>();
  readonly #routes = new RouteTable<PreparedEndpoint>();
  /** Each once, however many paths lead to it. */
  readonly #endpoints = new Set<Endpoint<unknown>>();
  readonly #options: ServerOptions<unknown>;
  readonly #limits: ServerLimits;
  readonly #count: ConnectionCount;
  readonly #memory: MemoryBudget;
  /** The streams whose opening handshake is not done, or that are being refused. */
  readonly #pending = new Set<ByteStream>();
  readonly #relay: BroadcastRelay | undefined;
  #isShuttingDown = false;
  #onEmpty: (() => void) | undefined = undefined;
  #shutdown: Promise<void> | undefined = undefined;
  /** @internal Stops what brings new connections; resolves when that is done, within `drainTimeoutMs`. */
  stopListening: (drainTimeoutMs: number) => Promise<void> = async () => {};

  /**
   * @internal Use `serve`, `attach` or `createServer`.
   * @throws `UsageError` `INVALID_OPTION`.
   */
  constructor(options: ServerOptions<unknown>) {
    this.#options = options;
    this.#limits = serverLimits(options);
    this.#count = new ConnectionCount(this.#limits.maxConnections, this.#limits.maxConnectionsPerAddress);
    this.#memory = new MemoryBudget(this.#limits.maxMemoryBytes);
    const { routes, ...shared } = options;
    if (routes === undefined) {
      this.#endpoints.add(options);
      this.#routes.add("*", prepareEndpoint(this.#memory, options));
    } else {
      for (const [path, given] of Object.entries(routes)) {
        const endpoint = endpointOf(given);
        this.#endpoints.add(endpoint);
        this.#routes.add(
          path,
          prepareEndpoint(this.#memory, endpoint, { ...withoutHandlers(shared), ...endpoint }),
        );
      }
    }
    const { broker, brokerTopic = "hawser" } = options;
    this.#relay = broker && new BroadcastRelay(broker, brokerTopic, (message) => void this.#deliver(message));
  }

  /** The open connections. */
  get connections(): ReadonlySet<ServerConnection<unknown>> {
    return this.#connections;
  }

  /**
   * How much memory the connections take, as it is counted for `maxMemoryBytes`: the sum of their `memoryBytes`, and of
   * those whose opening handshake is not done. Counted when asked, in a loop over those that hold anything.
   */
  get memoryBytes(): number {
    return this.#memory.bytes;
  }

  /** Whether some endpoint is at the path of this request. */
  hasRoute(request: IncomingMessage): boolean {
    return this.hasRouteTo(request.url ?? "");
  }

  /** @internal Whether some endpoint is at this path; what stands behind a `?` does not count. */
  hasRouteTo(target: string): boolean {
    return this.#routes.match(pathOf(target)) !== undefined;
  }

  /** @internal Whether some endpoint takes ordinary requests, too. */
  get takesRequests(): boolean {
    return [...this.#endpoints].some(({ http }) => http !== undefined);
  }

  /**
   * Hands an ordinary request to the endpoint at its path. False if there is none that takes it: then nobody has answered.
   * Never throws for what a peer does.
   */
  handleRequest(incoming: IncomingMessage, response: ServerResponse): boolean {
    const match = this.#routes.match(pathOf(incoming.url ?? ""));
    if (match?.target.endpoint.http === undefined) return false;
    const { endpoint, options } = match.target;
    try {
      const request = new UpgradeRequest(incomingHead(incoming), incoming.socket, incoming);
      request.resolve(match.params, this.#options.clientAddress?.(request) ?? request.remoteAddress);
      endpoint.http!(incoming, response, { request, origins: options.origins ?? "same-origin" });
    } catch (error) {
      warnOf(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { "content-length": 0 }).end();
    }
    return true;
  }

  /**
   * Takes an upgrade request, as Node's `upgrade` event gives it, through the opening handshake. Resolves with the
   * connection, or with undefined if it was refused. Never rejects for what a peer does.
   */
  async handleUpgrade(
    incoming: IncomingMessage,
    stream: Duplex,
    firstBytes: Uint8Array,
  ): Promise<ServerConnection<unknown> | undefined> {
    return this.upgrade(incomingHead(incoming), stream, firstBytes, incoming);
  }

  /**
   * @internal As {@link handleUpgrade}, for a head from our own parser. Where the hook answers at once, so does this: all
   * of a handshake happens in the turn in which it came.
   */
  upgrade(
    head: RequestHead,
    stream: ByteStream,
    firstBytes: Uint8Array,
    incoming?: IncomingMessage,
    guard: HandshakeGuard = new HandshakeGuard(stream, 0),
  ): ServerConnection<unknown> | undefined | Promise<ServerConnection<unknown> | undefined> {
    return this.#take(
      {
        request: new UpgradeRequest(head, stream, incoming),
        stream,
        firstBytes,
        guard,
        answers: http1Answers,
        isCounted: false,
        refusalBody: undefined,
      },
      this.#hasTooManyFields(head) ?? readRequest(head),
    );
  }

  /** @internal As {@link upgrade}, for an extended CONNECT over HTTP/2. */
  upgradeStream(
    head: ConnectHead,
    stream: Duplex,
    guard: HandshakeGuard,
  ): ServerConnection<unknown> | undefined | Promise<ServerConnection<unknown> | undefined> {
    return this.#take(
      {
        request: new UpgradeRequest(head, stream, undefined),
        stream,
        firstBytes: NO_BYTES,
        guard,
        answers: http2Answers,
        isCounted: false,
        refusalBody: undefined,
      },
      this.#hasTooManyFields(head) ?? readConnectRequest(head),
    );
  }

  #hasTooManyFields({ headers }: { readonly headers: HeaderList }): HandshakeError | undefined {
    return headers.raw.length > 2 * this.#limits.maxHeaders
      ? new HandshakeError("HEAD_TOO_LARGE", 431, "too many header fields")
      : undefined;
  }

  #take(
    attempt: UpgradeAttempt,
    handshake: HandshakeRequest | HandshakeError,
  ): ServerConnection<unknown> | undefined | Promise<ServerConnection<unknown> | undefined> {
    const { request, stream } = attempt;
    stream.allowHalfOpen = true; // who has ended its direction still reads a refusal; over TLS Node would end ours, too
    try {
      if (handshake instanceof HandshakeError) throw handshake;
      const { target, params } = this.#findRoute(handshake);
      request.resolve(params, this.#options.clientAddress?.(request) ?? request.remoteAddress);
      this.#admit(request.remoteAddress);
      attempt.isCounted = true;
      const { endpoint } = target;
      const answer = endpoint.upgrade === undefined ? ANYBODY : endpoint.upgrade(request);
      if (isThenable(answer)) return this.#whenAnswered(attempt, handshake, target, answer);
      return this.#answered(attempt, handshake, target, answer);
    } catch (error) {
      return this.#failed(attempt, error);
    }
  }

  async #whenAnswered(
    attempt: UpgradeAttempt,
    handshake: HandshakeRequest,
    target: PreparedEndpoint,
    answer: PromiseLike<UpgradeAnswer<unknown>>,
  ): Promise<ServerConnection<unknown> | undefined> {
    const { stream, guard } = attempt;
    if (stream instanceof RawSocket) guard.hold(attempt.firstBytes);
    else stream.pause();
    guard.allow(this.#limits.handshakeTimeoutMs);
    // A hook that never answers must not keep the place of a peer that is gone.
    const gone = new Promise<undefined>((resolve) => {
      guard.onGone = () => resolve(undefined);
      if (stream.closed) resolve(undefined);
    });
    if (!stream.closed) this.#pending.add(stream);
    try {
      const told = await Promise.race([answer, gone]).finally(() => this.#pending.delete(stream));
      return this.#answered(attempt, handshake, target, told);
    } catch (error) {
      return this.#failed(attempt, error);
    }
  }

  #answered(
    attempt: UpgradeAttempt,
    handshake: HandshakeRequest,
    target: PreparedEndpoint,
    answer: UpgradeAnswer<unknown> | undefined,
  ): ServerConnection<unknown> | undefined {
    const { stream, request, guard } = attempt;
    if (answer instanceof Refusal) {
      attempt.refusalBody = answer.body;
      throw new HandshakeError("REFUSED", answer.status, "the upgrade hook refused", answer.headers);
    }
    if (!(answer instanceof Acceptance) && !(answer === undefined && stream.destroyed)) {
      throw new UsageError("INVALID_OPTION", "an upgrade hook returns accept(...) or refuse(...)");
    }
    if (this.#isShuttingDown) throw shuttingDown();
    // `end` may have come meanwhile, and does not come again for the connection to hear it.
    if (answer === undefined || stream.destroyed || !stream.writable || stream.readableEnded) {
      dropStream(stream);
      guard.release();
      this.#leave(request.remoteAddress);
      return undefined;
    }
    const socket = this.#open(attempt, handshake, target, answer);
    guard.release();
    return socket;
  }

  #failed(attempt: UpgradeAttempt, error: unknown): undefined {
    const { guard, isCounted, request, stream, refusalBody, answers } = attempt;
    guard.release();
    if (isCounted) this.#leave(request.remoteAddress);
    this.#refuse(request, stream, error, refusalBody, answers);
    return undefined;
  }

  /** @internal Refuses a handshake of whose head nothing is known but what is wrong with it. */
  refuseHead(stream: ByteStream, error: HandshakeError): void {
    this.#refuse(new UpgradeRequest(UNKNOWN_HEAD, stream, undefined), stream, error, undefined, http1Answers);
  }

  /**
   * Sends a message to all connections, encoded once; with a `broker`, also to those of the other nodes. Returns how many
   * connections of this server it was `sent` to, `queued` for and so on.
   * @throws {@link UsageError} `INVALID_PAYLOAD`; `INVALID_OPTION` for `where` without `local`, with a broker.
   */
  broadcast(
    data: string | BinaryData | PreparedMessage,
    options: BroadcastOptions = {},
  ): Record<SendStatus, number> {
    const message = data instanceof PreparedMessage ? data : prepareMessage(data, options);
    if (this.#relay !== undefined && options.local !== true) {
      if (options.where !== undefined) {
        throw new UsageError("INVALID_OPTION", "with a broker, `where` needs `local: true`");
      }
      this.#relay.publish(message);
    }
    return this.#deliver(message, options);
  }

  #deliver(message: PreparedMessage, { except, where }: BroadcastOptions = {}): Record<SendStatus, number> {
    const counts: Record<SendStatus, number> = { sent: 0, queued: 0, dropped: 0, closed: 0 };
    let sent = 0;
    for (const socket of this.#connections.toArray()) {
      if (socket === except || (where !== undefined && !where(socket))) continue;
      const status = socket.sendPrepared(message, undefined);
      if (status === "sent") sent++;
      else counts[status]++;
    }
    counts.sent = sent;
    return counts;
  }

  /**
   * Ends the server: takes no new connections, tells every client with a close frame, waits for them, drops who is left
   * after `drainTimeoutMs`. Resolves when all of it is gone. A second call gets the same promise.
   * @throws {@link UsageError} `CLOSE_CODE_NOT_ALLOWED`, `CLOSE_REASON_TOO_LONG`, `INVALID_OPTION`; the server goes on.
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    this.#shutdown ??= this.#end(shutdownOptions(options));
    return this.#shutdown;
  }

  /** `await using server = await serve(...)`: shuts down at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  #findRoute(handshake: HandshakeRequest): RouteMatch<PreparedEndpoint> {
    if (this.#isShuttingDown) throw shuttingDown();
    const route = this.#routes.match(handshake.path);
    if (route === undefined) throw new HandshakeError("NOT_FOUND", 404, "no endpoint at this path");
    if (!isOriginAllowed(route.target.options.origins ?? "same-origin", handshake)) {
      throw new HandshakeError("ORIGIN_NOT_ALLOWED", 403, `origin ${handshake.origin} is not allowed`);
    }
    return route;
  }

  #admit(address: string): void {
    const limit = this.#count.add(address);
    if (limit === undefined) {
      if (this.#memory.open()) return;
      this.#count.remove(address);
      throw new HandshakeError("MEMORY_EXCEEDED", 503, "the server has no room left", ["Retry-After", "5"]);
    }
    throw limit === "total"
      ? new HandshakeError("TOO_MANY_CONNECTIONS", 503, "too many connections", ["Retry-After", "5"])
      : new HandshakeError("TOO_MANY_CONNECTIONS", 429, "too many connections from this address");
  }

  #leave(address: string): void {
    this.#count.remove(address);
    this.#memory.close();
  }

  #open(
    { request, stream, firstBytes, guard, answers }: UpgradeAttempt,
    handshake: HandshakeRequest,
    { options, context }: PreparedEndpoint,
    answer: Acceptance<unknown>,
  ): ServerConnection<unknown> {
    const protocol = answer.protocol ?? chooseProtocol(handshake.protocols, options.protocols ?? []);
    if (protocol !== undefined && !handshake.protocols.includes(protocol)) {
      throw new UsageError("INVALID_PROTOCOL_NAME", `the client did not offer ${JSON.stringify(protocol)}`);
    }
    const { compression } = options;
    const deflate =
      compression && !breaksDeflate(request.headers.get("user-agent"))
        ? acceptDeflateOffer(handshake.extensions, compression === true ? {} : compression)
        : undefined;
    const head = answers.accept(stream, handshake.key, {
      protocol,
      extensions: deflate?.response,
      headers: answer.headers,
    });
    const agreed = {
      protocol: protocol ?? "",
      extensions: deflate?.response ?? "",
      deflate: deflate?.parameters,
    };
    const ownContext = this.#contextFor(answer.handlers, options, context);
    const socket = new ServerConnection(ownContext, stream, answer.data, agreed, request);
    this.#connections.add(socket);
    socket.onGone = this.#forget;
    if (diagnostics.open.hasSubscribers) {
      diagnostics.open.publish({ socket, requestHead: requestText(request), responseHead: head });
    }
    socket.start(answers.isSentAtOnce ? undefined : head, guard.taken() ?? firstBytes);
    request.incoming = undefined;
    request.fold();
    return socket;
  }

  /** What the connection shares with the others of its endpoint, which may be all but the handlers. */
  #contextFor(
    handlers: ConnectionHandlers<ServerConnection<unknown>> | undefined,
    options: Endpoint<unknown>,
    context: ConnectionContext,
  ): ConnectionContext {
    if (handlers === undefined) return context;
    // Deadlines depend on it.
    if (handlers.messageChunk !== undefined)
      return connectionContext("server", options, handlers, this.#memory);
    // Who they are called with is always a connection of a server.
    return { ...context, handlers: handlers as ConnectionHandlers<Connection<unknown>> };
  }

  /** One function for all connections. */
  readonly #forget = (socket: unknown): void => {
    if (!(socket instanceof ServerConnection)) return;
    this.#connections.delete(socket);
    this.#leave(socket.request.remoteAddress);
    if (this.#connections.size === 0) this.#onEmpty?.();
  };

  #refuse(
    request: UpgradeRequest,
    stream: ByteStream,
    cause: unknown,
    body: string | Uint8Array | undefined,
    answers: HandshakeAnswers,
  ): void {
    const error =
      cause instanceof HandshakeError
        ? cause
        : new HandshakeError("REFUSED", 500, "the upgrade failed on the server", [], cause);
    try {
      if (this.#options.refused === undefined) {
        if (error !== cause) warnOf(cause);
      } else {
        watchRejection(this.#options.refused(error, request), warnOf);
      }
      const guard = answers.refuse(stream, error, body);
      if (guard === undefined) return;
      this.#pending.add(stream);
      guard.onGone = () => void this.#pending.delete(stream);
    } catch (failure) {
      // The application's own status or header fields cannot be sent, or its `refused` threw.
      warnOf(failure);
      dropStream(stream);
    }
  }

  async #end(options: ReturnType<typeof shutdownOptions>): Promise<void> {
    const { code, reason, drainTimeoutMs } = options;
    this.#isShuttingDown = true;
    this.#relay?.close();
    const drop = (): void => {
      for (const socket of this.#connections) socket.terminate();
      for (const stream of this.#pending) dropStream(stream);
    };
    let isLate = (): void => {};
    const late = new Promise<void>((resolve) => {
      isLate = resolve;
    });
    const timer =
      drainTimeoutMs === Infinity
        ? undefined
        : setTimeout(() => {
            isLate();
            drop();
          }, drainTimeoutMs);
    const endpoints = [...this.#endpoints].filter((endpoint) => endpoint.shutdown !== undefined);
    if (endpoints.length > 0) {
      const goodbyes = Promise.all(endpoints.map((endpoint) => shutDownEndpoint(endpoint, options)));
      await Promise.race([goodbyes, late]);
    }
    const stopped = this.stopListening(drainTimeoutMs);
    for (const socket of this.#connections) void socket.close(code, reason);
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    await stopped;
    clearTimeout(timer);
  }
}

async function shutDownEndpoint(endpoint: Endpoint<unknown>, options: ShutdownOptions): Promise<void> {
  try {
    await endpoint.shutdown!(options);
  } catch (error) {
    warnOf(error);
  }
}

function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark === -1 ? target : target.slice(0, mark);
}

function shuttingDown(): HandshakeError {
  return new HandshakeError("SHUTTING_DOWN", 503, "the server is shutting down", ["Retry-After", "5"]);
}
