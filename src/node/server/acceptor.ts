import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { HandshakeError, UsageError } from "../../core/hawser-error.js";
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
import type { ByteStream } from "../byte-stream.js";
import type { Connection, ConnectionContext } from "../connection/connection.js";
import { connectionContext } from "../connection/connection-context.js";
import type { ConnectionHandlers } from "../connection/connection-options.js";
import { diagnostics } from "../connection/diagnostics.js";
import type { MemoryBudget } from "../connection/memory-budget.js";
import { watchRejection } from "../connection/watch-rejection.js";
import { dropStream } from "../drop-stream.js";
import { RawSocket } from "../raw-socket.js";
import { warnOf } from "../thrown-text.js";
import { breaksDeflate } from "./breaks-deflate.js";
import { ConnectionCount } from "./connection-count.js";
import { earlierAnswersSent } from "./earlier-answer.js";
import type { Endpoint } from "./endpoint.js";
import { type HandshakeAnswers, http1Answers } from "./handshake-answers.js";
import { HandshakeGuard } from "./handshake-guard.js";
import { http2Answers } from "./http2-answers.js";
import { incomingHead } from "./incoming-head.js";
import type { Occupants } from "./occupants.js";
import type { PreparedEndpoint } from "./prepared-endpoint.js";
import { requestText } from "./request-text.js";
import type { RouteMatch, RouteTable } from "./route-table.js";
import { ServerConnection } from "./server-connection.js";
import type { ServerLimits, ServerOptions } from "./server-options.js";
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

/** What brings a stream to an endpoint, and what all of them share. */
export interface AcceptorSettings {
  readonly options: ServerOptions<unknown>;
  readonly limits: ServerLimits;
  readonly routes: RouteTable<PreparedEndpoint>;
  readonly memory: MemoryBudget;
  readonly occupants: Occupants;
}

/**
 * Takes streams through the opening handshake (RFC 6455 §4.2): finds the endpoint, looks at the origin and the limits, asks the
 * hook, answers. What comes out is a connection, or a refusal.
 */
export class Acceptor {
  readonly #options: ServerOptions<unknown>;
  readonly #limits: ServerLimits;
  readonly #routes: RouteTable<PreparedEndpoint>;
  readonly #memory: MemoryBudget;
  readonly #occupants: Occupants;
  readonly #count: ConnectionCount;
  /** Set, nobody is accepted any more. */
  isShuttingDown = false;

  constructor({ options, limits, routes, memory, occupants }: AcceptorSettings) {
    this.#options = options;
    this.#limits = limits;
    this.#routes = routes;
    this.#memory = memory;
    this.#occupants = occupants;
    this.#count = new ConnectionCount(limits.maxConnections, limits.maxConnectionsPerAddress);
  }

  /**
   * Takes an upgrade request over HTTP/1.1. Where the hook answers at once, so does this: all
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

  /** Takes an extended CONNECT over HTTP/2 (RFC 8441 §4). */
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
    if (stream instanceof RawSocket) guard.hold(attempt.firstBytes, this.#memory);
    else stream.pause();
    guard.allow(this.#limits.handshakeTimeoutMs);
    // A hook that never answers must not keep the place of a peer that is gone.
    const gone = new Promise<undefined>((resolve) => {
      guard.onGone = () => resolve(undefined);
      if (stream.closed) resolve(undefined);
    });
    if (!stream.closed) this.#occupants.addPending(stream);
    try {
      let told: UpgradeAnswer<unknown> | undefined;
      try {
        told = await Promise.race([answer, gone]);
      } finally {
        this.#occupants.removePending(stream);
      }
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
    if (this.isShuttingDown) throw shuttingDown();
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

  /** Refuses a handshake of whose head nothing is known but what is wrong with it. */
  refuseHead(stream: ByteStream, error: HandshakeError): void {
    this.#refuse(new UpgradeRequest(UNKNOWN_HEAD, stream, undefined), stream, error, undefined, http1Answers);
  }

  /** Refuses a handshake behind a request that is not answered yet, when it is: never in the middle of that answer. */
  async refuseBehind(incoming: IncomingMessage, stream: Duplex): Promise<void> {
    const guard = new HandshakeGuard(stream, this.#limits.handshakeTimeoutMs);
    const text = "an earlier request on the connection was not answered yet";
    const error = new HandshakeError("REFUSED", 400, text);
    this.#occupants.addPending(stream);
    await earlierAnswersSent(stream);
    this.#occupants.removePending(stream);
    guard.release();
    this.#refuse(
      new UpgradeRequest(incomingHead(incoming), stream, incoming),
      stream,
      error,
      undefined,
      http1Answers,
    );
  }

  /** Refuses what is no handshake, and nobody is told of. */
  refuseConnect(stream: ByteStream, error: HandshakeError): void {
    this.#watch(stream, http1Answers.refuse(stream, error, undefined));
  }

  #findRoute(handshake: HandshakeRequest): RouteMatch<PreparedEndpoint> {
    if (this.isShuttingDown) throw shuttingDown();
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
    this.#occupants.add(socket);
    socket.onGone = this.#forget;
    // Behind the head, for who sends at once.
    const tell = (): void =>
      diagnostics.open.publish({ socket, requestHead: requestText(request), responseHead: head });
    socket.start(
      answers.isSentAtOnce ? undefined : head,
      guard.taken() ?? firstBytes,
      diagnostics.open.hasSubscribers ? tell : undefined,
    );
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
    this.#leave(socket.request.remoteAddress);
    this.#occupants.remove(socket);
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
    this.#tellRefused(error, cause, request);
    try {
      this.#watch(stream, answers.refuse(stream, error, body));
    } catch (failure) {
      // What it should say cannot be sent.
      warnOf(failure);
      dropStream(stream);
    }
  }

  /** A refusal is on its way: `shutdown` waits for it, and drops it in the end. */
  #watch(stream: ByteStream, guard: HandshakeGuard | undefined): void {
    if (guard === undefined) return;
    this.#occupants.addPending(stream);
    guard.onGone = () => void this.#occupants.removePending(stream);
  }

  /** Whatever the application makes of it, the client gets its answer. */
  #tellRefused(error: HandshakeError, cause: unknown, request: UpgradeRequest): void {
    try {
      if (this.#options.refused !== undefined) watchRejection(this.#options.refused(error, request), warnOf);
      else if (error !== cause) warnOf(cause);
    } catch (failure) {
      warnOf(failure);
    }
  }
}

function shuttingDown(): HandshakeError {
  return new HandshakeError("SHUTTING_DOWN", 503, "the server is shutting down", ["Retry-After", "5"]);
}
