import type { RequestListener } from "node:http";
import type { ServerOptions as TlsServerOptions } from "node:https";
import type { HandshakeError } from "../../core/hawser-error.js";
import type { OptionalOf } from "../../core/optional-of.js";
import type { Broker } from "../../pubsub/broker-port.js";
import type { Endpoint, HasEndpoint } from "./endpoint.js";
import type { UpgradeRequest } from "./upgrade-request.js";

/** Limits of a whole server. All are finite by default. */
export interface ServerLimits {
  /**
   * The most connections at a time; more are refused with 503. Default 65,536: what one address can be given by the
   * ports of one peer, and some 220 MB if all are idle.
   */
  maxConnections: number;
  /**
   * The most connections from one address; more are refused with 429. Default 1,024: above an office behind one
   * address, below what exhausts a server. IPv6 addresses count by their /64, since a client can take any address in
   * it. Behind a proxy all come from one address: see `clientAddress`. As many more may be without a complete request;
   * what is above that is dropped, except with `attach` and with `clientAddress`.
   */
  maxConnectionsPerAddress: number;
  /**
   * The most bytes that all connections together may make us hold, counted as for `maxConnectionMemoryBytes`. Above it
   * those that hold the most are dropped, and new ones are refused with 503. Default 1,024 MiB: 320 MiB for `maxConnections`
   * that are idle, and 700 MiB for what is on its way, within a container of 2 GB.
   */
  maxMemoryBytes: number;
  /**
   * How long the opening handshake may take in ms, 0 for no end, from the first byte to the end of the `upgrade` hook.
   * Default 10 s: several round trips on the worst link, and a slow look-up.
   */
  handshakeTimeoutMs: number;
  /** The most bytes the head of a request may have. Default 16,384, as Node's own default. Not with `attach`. */
  maxHeaderBytes: number;
  /** The most header fields an upgrade request may have. Default 100: browsers send about 20. */
  maxHeaders: number;
}

/** What a server needs to know, however it is reached. */
export interface ServerOptions<Data = undefined> extends Endpoint<Data>, OptionalOf<ServerLimits> {
  /**
   * Endpoints by path: `/chat`, `/rooms/:room`, `/files/*`. With it, other paths get 404; the limits and policies that
   * stand beside it are what its endpoints start from. Default none: the handlers here serve every path.
   */
  routes?: Readonly<Record<string, Endpoint<unknown> | HasEndpoint>> | undefined;
  /**
   * The address that counts for `maxConnectionsPerAddress` and is `request.remoteAddress`. By default that of the
   * socket. Behind a proxy, take it from the header that your proxy sets, and from no other.
   */
  clientAddress?: ((request: UpgradeRequest) => string) | undefined;
  /**
   * Told of each opening handshake that was refused, for logs. Of a head that is too large, the request has the address
   * and nothing else. Default none: then only an `upgrade` hook that threw is reported, as a warning of the process.
   * What it throws itself is a warning, too: the client gets its answer all the same.
   */
  refused?: ((error: HandshakeError, request: UpgradeRequest) => void | Promise<void>) | undefined;
  /**
   * Takes `server.broadcast` to the servers of other processes, and theirs to the connections here: `clusterBroker()`,
   * `memoryBroker()`, or your own. It stays yours to close. Default none: a broadcast stays within this server.
   */
  broker?: Broker | undefined;
  /**
   * The topic of the broker for broadcasts: servers with the same one hear each other. Default `hawser`: the workers of
   * one application, which are usually alone with their broker, are to hear each other without more words.
   */
  brokerTopic?: string | undefined;
}

/** What {@link serve} needs to know. */
export interface ServeOptions<Data = undefined> extends ServerOptions<Data> {
  /** The TCP port; 0 takes a free one, which `server.port` tells. Default 0: no number is right for everybody. */
  port?: number | undefined;
  /** The address to listen on. Default `127.0.0.1`: a server is open to the network when you say so (`0.0.0.0`, `::`). */
  host?: string | undefined;
  /** Listen on a Unix socket (or a Windows pipe) instead of a port. Default none. */
  path?: string | undefined;
  /**
   * Let several processes listen on the same port, and the kernel spread the connections over them (`SO_REUSEPORT`).
   * Needs Node 22.12, or 23.1 and newer, and a system that does it: Linux does, macOS and Windows do not. Default false: a
   * port that is taken by mistake is to be an error.
   */
  reusePort?: boolean | undefined;
  /**
   * Serve `wss:` with this certificate and key; the options of `https.createServer`. Default none: there is no TLS without
   * a certificate.
   */
  tls?: TlsServerOptions | undefined;
  /**
   * The proxies whose connections begin with a header of the PROXY protocol, version 1 or 2: addresses, networks
   * (`10.0.0.0/8`), and `unix` for whoever connects to `path`, without `tls`. The client's address that it tells is
   * `request.remoteAddress`, and counts. A connection from them without a header is refused with 400 and
   * `INVALID_PROXY_HEADER`; from anybody else a header is a malformed request, for its sender could be anybody in it.
   * Default none: who names no proxy has none.
   */
  proxyProtocolFrom?: readonly string[] | undefined;
  /**
   * Serve HTTP/2 as well, on the same port, and WebSocket over it (RFC 8441): many sockets of one client share a
   * connection. Over TLS the client chooses (ALPN); without TLS, who begins with HTTP/2 gets it. Default false: browsers use
   * it where the page came over it, and one connection lost is then all its sockets lost.
   */
  http2?: boolean | undefined;
  /**
   * Ordinary HTTP requests on the same port, but for those at a path whose endpoint takes them itself. By default they get
   * 426 Upgrade Required, or 404 at a path without an endpoint, and over HTTP/2: nothing else is there. Over HTTP/2 it is given Node's `Http2ServerRequest` and
   * `Http2ServerResponse`, which can do the same.
   */
  request?: RequestListener | undefined;
}

/** The defaults of {@link ServerLimits}. */
export const DEFAULT_SERVER_LIMITS: Readonly<ServerLimits> = {
  maxConnections: 65_536,
  maxConnectionsPerAddress: 1_024,
  maxMemoryBytes: 1_024 * 1_024 * 1_024,
  handshakeTimeoutMs: 10_000,
  maxHeaderBytes: 16_384,
  maxHeaders: 100,
};
