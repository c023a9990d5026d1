import type { IncomingMessage, ServerResponse } from "node:http";
import { UsageError } from "../core/hawser-error.js";
import { clientGroup } from "../node/server/client-group.js";
import { ConnectionCount } from "../node/server/connection-count.js";
import type { Endpoint, HasEndpoint } from "../node/server/endpoint.js";
import { incomingHead } from "../node/server/incoming-head.js";
import { Acceptance, accept, Refusal, refuse } from "../node/server/upgrade-answer.js";
import { UpgradeRequest } from "../node/server/upgrade-request.js";
import { SESSION_SUBPROTOCOL } from "../node/session-subprotocol.js";
import { HttpTransports, type TransportsElsewhere } from "../node/transports/http-transports.js";
import { SESSION_CONNECTION_OPTIONS, webSocketHandlers } from "../node/transports/websocket-transport.js";
import { parseDistinctTokens } from "../protocol/handshake/http-token.js";
import type { SendStatus } from "../session/peer-port.js";
import { NO_RELAYS, type RelayCounts } from "../session/relay/relay-counts.js";
import { Pause } from "../session/server/pause.js";
import type { SendAwayOptions } from "../session/server/send-away-options.js";
import type { SessionBroadcastOptions } from "../session/server/session-broadcast-options.js";
import type { SessionCounts } from "../session/server/session-counts.js";
import type { AuthenticationResult } from "../session/server/session-handlers.js";
import { SessionServer } from "../session/server/session-server.js";
import type { SessionsElsewhere } from "../session/server/sessions-elsewhere.js";
import { SessionCode } from "../session/wire/session-code.js";
import { ALL_TRANSPORTS, assertHubOptions } from "./assert-hub-options.js";
import { hubNumbers } from "./hub-numbers.js";
import type { HubAttempt, HubOptions, HubSession, HubShutdownOptions } from "./hub-options.js";
import { HubRelay } from "./hub-relay.js";
import { hubShutdown } from "./hub-shutdown.js";
import { nodeSessionHost } from "./node-session-host.js";

/** Transports come and go while sessions stay, and some race each other: as many as there may be sessions, twice. */
const TRANSPORTS_PER_SESSION = 2;
/** What requests that are not there as a whole may hold together: a thousand that are half there. */
const MAX_BODY_BYTES = 128 * 1024 * 1024;

/** What a hub has counted since it was made. */
export interface HubCounts extends SessionCounts {
  /** What went between this hub and those of other nodes. */
  readonly relays: RelayCounts;
}

/**
 * The sessions of one endpoint, over WebSockets and over HTTP. It goes where an endpoint goes: `routes: { "/live": hub }`, with
 * `serve` and with `attach`. Several servers may have it, and are shut down together: it ends with the first of them. Made by
 * {@link createHub}.
 */
export class Hub<Data = undefined> implements HasEndpoint {
  readonly #endpoint: Endpoint<unknown>;
  readonly #server: SessionServer<Data, UpgradeRequest>;
  readonly #http: HttpTransports;
  readonly #relay: HubRelay | undefined;
  readonly #options: HubOptions<Data>;
  #shutdown: Promise<void> | undefined = undefined;

  /** @internal Use {@link createHub}. */
  constructor(options: HubOptions<Data>) {
    assertHubOptions(options as HubOptions<never>);
    const { origins, compression, transports = ALL_TRANSPORTS, allowCookies = false } = options;
    const numbers = hubNumbers(options as HubOptions<never>);
    this.#options = options;
    const addressOf = (request: UpgradeRequest): string => clientGroup(request.remoteAddress);
    const maxTransports = TRANSPORTS_PER_SESSION * numbers.maxSessions;
    const elsewhere = options.broker === undefined ? undefined : this.#elsewhere();
    this.#server = new SessionServer<Data, UpgradeRequest>({
      host: nodeSessionHost,
      numbers,
      handlers: options,
      authenticate: options.authenticate === undefined ? undefined : (attempt) => this.#authenticate(attempt),
      addressOf,
      elsewhere,
      count: new ConnectionCount(numbers.maxSessions, numbers.maxSessionsPerAddress),
    });
    this.#http = new HttpTransports({
      transports: new Set(transports),
      maxTransports,
      maxBodyBytes: MAX_BODY_BYTES,
      allowsCookies: allowCookies,
      opened: (transport, request) => {
        request.fold();
        this.#server.accept(transport, request);
      },
      elsewhere,
    });
    this.#relay =
      elsewhere &&
      new HubRelay(options, {
        server: this.#server,
        http: this.#http,
        maxRelays: maxTransports,
        maxOpensPerSecond: numbers.maxOpensPerSecond,
        addressOf,
      });
    this.#endpoint = {
      ...SESSION_CONNECTION_OPTIONS,
      ...webSocketHandlers((transport, socket) => this.#server.accept(transport, socket.request)),
      ...(origins !== undefined && { origins }),
      compression,
      upgrade: (request) => this.#upgrade(request, transports.includes("websocket")),
      http: (incoming, response, { request, origins: policy }) =>
        this.#http.handle(incoming, response, request, policy),
      shutdown: ({ drainTimeoutMs }) => this.shutdown({ drainTimeoutMs }),
    } as Endpoint<unknown>;
  }

  /**
   * What a server needs of it: give it the hub itself.
   * @throws {@link UsageError} `INVALID_OPTION` for a hub that was shut down.
   */
  get endpoint(): Endpoint<unknown> {
    if (this.#shutdown !== undefined)
      throw new UsageError(
        "INVALID_OPTION",
        "a hub that was shut down takes nobody any more: make another one",
      );
    return this.#endpoint;
  }

  /** The sessions by their ids: live ones, and those that wait for their clients. */
  get sessions(): ReadonlyMap<string, HubSession<Data>> {
    return this.#server.sessions;
  }

  /** What was counted so far: for metrics. */
  get counts(): HubCounts {
    return { ...this.#server.counts, relays: this.#relay?.relays.counts ?? NO_RELAYS };
  }

  /**
   * Sends a message to all sessions, encoded once; those that wait for their clients get it when they are back. Returns for how
   * many it was `sent`, `queued` and so on.
   */
  broadcast(
    data: string | Uint8Array,
    options?: SessionBroadcastOptions<Data, UpgradeRequest>,
  ): Record<SendStatus, number> {
    return this.#server.broadcast(data, options);
  }

  /**
   * Answers an ordinary request of a client, for frameworks with a routing of their own; `serve` and `attach` do it by
   * themselves. The body must not have been read, or be there as a `Buffer` in `incoming.body`.
   */
  handleRequest(incoming: IncomingMessage, response: ServerResponse): void {
    const request = new UpgradeRequest(incomingHead(incoming), incoming.socket, incoming);
    const { clientAddress, origins = "same-origin" } = this.#options;
    request.resolve(request.params, clientAddress?.(request) ?? request.remoteAddress);
    this.#http.handle(incoming, response, request, origins);
  }

  /**
   * Takes no new sessions, waits until what was sent is confirmed, and sends all clients away, to come back at a random time
   * within a window. The sessions end: another process does not know them. A server that is shut down does this by itself,
   * also where other servers have the same hub: they refuse sessions from then on.
   * A second call gets the same promise.
   * @throws {@link UsageError} `INVALID_OPTION`; the hub goes on.
   */
  shutdown(options: HubShutdownOptions = {}): Promise<void> {
    this.#shutdown ??= this.#shutDown(hubShutdown(options));
    return this.#shutdown;
  }

  async #shutDown(options: SendAwayOptions): Promise<void> {
    const { notBeforeMs, spreadMs, reason, drainTimeoutMs } = options;
    const untilMs = nodeSessionHost.nowMs() + drainTimeoutMs;
    const relays = this.#relay?.relays;
    this.#http.shutDown();
    relays?.sendAway(SessionCode.goingAway, reason, notBeforeMs, spreadMs);
    await this.#server.shutDown({ ...options, drainTimeoutMs: drainTimeoutMs / 2 });
    // Who polls hears of it with the next poll, and other nodes hand on our last words.
    const heard = Promise.all([this.#http.emptied(), relays?.emptied()]);
    await Promise.race([heard, Pause.until(nodeSessionHost, untilMs)]);
    if (relays === undefined) return;
    relays.leave();
    relays.close();
    await new Promise(setImmediate); // brokers may gather what is said in a turn
  }

  /** The way to other nodes, for what is made before it. */
  #elsewhere(): SessionsElsewhere<UpgradeRequest> & TransportsElsewhere {
    return {
      relay: (...parts) => this.#relay!.relay(...parts),
      find: (...parts) => this.#relay!.find(...parts),
      ask: (...parts) => this.#relay!.ask(...parts),
    };
  }

  #upgrade(request: UpgradeRequest, isOpen: boolean): Acceptance<undefined> | Refusal {
    if (!isOpen) return refuse(404);
    const offered = parseDistinctTokens(request.headers.getAll("sec-websocket-protocol"));
    if (offered?.includes(SESSION_SUBPROTOCOL) !== true)
      return refuse(400, { body: `Sessions speak the subprotocol ${SESSION_SUBPROTOCOL}\n` });
    return accept(undefined, { protocol: SESSION_SUBPROTOCOL });
  }

  async #authenticate(attempt: {
    readonly credentials: string;
    readonly request: UpgradeRequest;
    readonly session: HubSession<Data> | undefined;
  }): Promise<AuthenticationResult<Data>> {
    try {
      const answer = await this.#options.authenticate!(attempt as HubAttempt);
      if (answer instanceof Acceptance) return { isAccepted: true, data: answer.data };
      if (answer instanceof Refusal) return refusalOf(answer);
      throw new UsageError("INVALID_OPTION", "authenticate returns accept(...) or refuse(...)");
    } finally {
      // They hold some kilobytes.
      attempt.request.incoming = undefined;
      attempt.request.fold();
    }
  }
}

/**
 * Makes a hub: sessions that outlive their connections. Put it where an endpoint goes.
 *
 * @throws {@link UsageError} `INVALID_OPTION`.
 */
export function createHub<Data = undefined>(options: HubOptions<Data> = {}): Hub<NoInfer<Data>> {
  return new Hub(options);
}

/** The longest time that a client is sent away for, in seconds: a day. */
const MAX_RETRY_SECONDS = 86_400;

/** In the words of sessions: 429 and 503 mean later, and everything else means no. */
function refusalOf({ status, headers, body }: Refusal): AuthenticationResult<never> {
  const isLater = status === 429 || status === 503;
  const after = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "retry-after");
  const seconds = after === -1 ? 5 : Number(headers[after + 1]);
  return {
    isAccepted: false,
    code: isLater
      ? SessionCode.tryAgainLater
      : status === 401
        ? SessionCode.unauthorized
        : SessionCode.forbidden,
    reason: (typeof body === "string" ? body : Buffer.from(body).toString()).trim(),
    // A date is not read. More than a day is a day: none at all would have the client come at once.
    notBeforeMs: isLater && seconds > 0 ? Math.round(1_000 * Math.min(seconds, MAX_RETRY_SECONDS)) : 0,
  };
}
