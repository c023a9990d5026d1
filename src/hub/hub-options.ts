import type { OptionalOf } from "../core/optional-of.js";
import type { UpgradeAnswer } from "../node/server/upgrade-answer.js";
import type { UpgradeRequest } from "../node/server/upgrade-request.js";
import type { DeflateOptions } from "../protocol/extensions/deflate-negotiation.js";
import type { OriginPolicy } from "../protocol/handshake/origin-policy.js";
import type { Broker } from "../pubsub/broker-port.js";
import type { ServerDeadlines, SessionDeadlines, SessionLimits } from "../session/machine/session-config.js";
import type { ServerSession } from "../session/server/server-session.js";
import type { SessionHandlers } from "../session/server/session-handlers.js";
import type { SessionServerLimits } from "../session/server/session-limits.js";
import type { TransportName } from "../session/transport-port.js";

/** A session of a {@link Hub}: `data` is what `authenticate` accepted, `request` the request that opened it. */
export type HubSession<Data = undefined> = ServerSession<Data, UpgradeRequest>;

/** What somebody who wants a session says about who it is. */
export interface HubAttempt {
  /** What the client was given to say, a token say; empty if it says nothing. Cookies and header fields are in `request`. */
  readonly credentials: string;
  /** The request that the transport came in: the handshake of a WebSocket, or the POST of another way. */
  readonly request: UpgradeRequest;
  /**
   * The session for which these are new credentials; undefined where one is to begin. Its `data` is unknown here, since it
   * follows from what is returned.
   */
  readonly session: HubSession<unknown> | undefined;
}

/** How the hubs of several nodes are one for their clients. */
export interface HubRelayOptions {
  /**
   * Finds the sessions of other processes and machines, and carries their transports: then a client may come to any node, with
   * each connection and each request, and no load balancer has to be sticky. `clusterBroker()`, `memoryBroker()`, or your own.
   * It stays yours to close. Default none: who comes to another node than that of its session begins a new one.
   */
  broker?: Broker | undefined;
  /**
   * What the topics of the broker begin with: hubs with the same one are one hub, on several nodes. Default `hawser`, as for
   * broadcasts. A second hub of an application needs another.
   */
  brokerTopic?: string | undefined;
  /**
   * A secret of all nodes, of 16 bytes or more: what others publish to the topics is then thrown away. It signs, and does not
   * encrypt. Default none: who can publish to the broker is trusted.
   */
  brokerKey?: string | Uint8Array | undefined;
  /**
   * How long another node may take to answer, in ms; it is asked again meanwhile. After that its sessions are reset with 4202,
   * and its HTTP transports are gone (410). Default 2,500: longer than an event loop should ever stand still, and shorter than
   * the 3 s after which a client takes a stream for held back.
   */
  relayTimeoutMs?: number | undefined;
}

/** What a hub needs to know. */
export interface HubOptions<Data = undefined>
  extends SessionHandlers<Data, UpgradeRequest>,
    HubRelayOptions,
    OptionalOf<SessionServerLimits & SessionLimits & SessionDeadlines & ServerDeadlines> {
  /**
   * Decides who may have a session: once for each, whatever transports it travels on, and again when the client sends new
   * credentials. Return `accept(data)` or `refuse(status)`: with 401 and 403, and whatever else you say, the client stops;
   * with 429 and 503 it comes back, after `Retry-After`, of a day at most. May be async, within `attachTimeoutMs`; if it throws, the client
   * comes back later. By default everybody is let in whose `Origin` is allowed.
   */
  authenticate?(attempt: HubAttempt): UpgradeAnswer<Data> | Promise<UpgradeAnswer<Data>>;
  /**
   * Which web pages may connect, whatever way. Default that of the server, and there `same-origin`. A page of another origin
   * that is listed gets the header fields of CORS with its answers.
   */
  origins?: OriginPolicy | undefined;
  /** The ways that are open to clients. Default all: which of them gets through is not known before. */
  transports?: readonly TransportName[] | undefined;
  /**
   * Whether pages of other origins, where `origins` lists them, may send cookies along with HTTP requests. Default false: a
   * token in `credentials` does not travel by itself. With a WebSocket browsers send cookies in any case.
   */
  allowCookies?: boolean | undefined;
  /** permessage-deflate for WebSockets, as for an endpoint. Default false. */
  compression?: boolean | DeflateOptions | undefined;
  /**
   * The address that counts for `maxSessionsPerAddress`, for requests that come by `handleRequest`; those that come through a
   * server are told by its own `clientAddress`. Default that of the socket.
   */
  clientAddress?: ((request: UpgradeRequest) => string) | undefined;
}

/** How a hub ends. */
export interface HubShutdownOptions {
  /**
   * When clients may come back at the earliest, in ms. Default 1,000: the next process needs a moment to listen.
   */
  readonly notBeforeMs?: number | undefined;
  /**
   * Over how long behind that they come back, each at a random time, in ms. Default 5,000: ten thousand clients are then two
   * thousand a second. Make it longer where `authenticate` is expensive.
   */
  readonly spreadMs?: number | undefined;
  /** In a few words, for people; at most 96 bytes. Default none. */
  readonly reason?: string | undefined;
  /**
   * How long that may take, in ms. Half of it is for what was sent to be confirmed, and what is not by then is told to
   * `reset` as unconfirmed; the rest is for clients that poll to hear of it. Default 5,000, as that of a server.
   */
  readonly drainTimeoutMs?: number | undefined;
}
