// biome-ignore lint/suspicious/noTsIgnore: it is an error elsewhere only; what is expected has to be one here
/** @ts-ignore any in a page, whose project finds this by way of `hawser` and has no types of Node */
import type { ClientHttp2Session } from "node:http2";
// biome-ignore lint/suspicious/noTsIgnore: it is an error elsewhere only; what is expected has to be one here
/** @ts-ignore any in a page, whose project finds this by way of `hawser` and has no types of Node */
import type { LookupFunction } from "node:net";
// biome-ignore lint/suspicious/noTsIgnore: it is an error elsewhere only; what is expected has to be one here
/** @ts-ignore any in a page, whose project finds this by way of `hawser` and has no types of Node */
import type { Duplex } from "node:stream";
import type { DeflateOptions } from "../../protocol/extensions/deflate-negotiation.js";
import type { ProxyOptions } from "./http-proxy.js";
import type { HeadersInput } from "./request-headers.js";
import type { TlsOptions } from "./tls-options.js";

/** How the opening handshake is done, and over which way the server is reached. */
export interface DialOptions {
  /**
   * More header fields for the request: a record, a flat list, or pairs such as `Headers`. What the handshake sets
   * itself (`Host`, `Origin`, `Sec-WebSocket-*`...) is refused. Default: none.
   */
  readonly headers?: HeadersInput | undefined;
  /** The value of `Origin`. Default: none, since only browsers must send one (RFC 6455 §4.1 item 8). */
  readonly origin?: string | undefined;
  /**
   * permessage-deflate. True offers it, with both sides free to choose; an object offers it with those parameters;
   * false does not offer it. Default true: the server decides, and most of what is sent is text.
   */
  readonly compression?: boolean | DeflateOptions | undefined;
  /**
   * How long it may take in ms until the connection is open, with DNS, TCP, TLS, proxy and redirects. 0 is no limit.
   * Default 10 s: three lost TCP packets in a row are survived, and a server that accepts and says nothing is noticed.
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /** TLS towards the server. Default: Node's, which verifies the certificate. */
  readonly tls?: TlsOptions | undefined;
  /**
   * The HTTP proxy to go through, by CONNECT for `ws:` and `wss:` alike (RFC 6455 §4.1): `http://user:pass@host:port`,
   * `https://...`, or an object; false for none.
   *
   * Default: from the environment, as curl and Go do. `HTTPS_PROXY` for `wss:`, `HTTP_PROXY` for `ws:`, and `ALL_PROXY`
   * where these are not set; lower case wins. Not for Unix sockets, `localhost` and loopback addresses, nor for what
   * `NO_PROXY` names: hosts with all below them, addresses, ranges (`10.0.0.0/8`), each with `:port` if need be, or `*`.
   */
  readonly proxy?: string | URL | ProxyOptions | false | undefined;
  /** A Unix socket or Windows pipe to use; `Host` and TLS still go by the URL. Default: none. */
  readonly socketPath?: string | undefined;
  /** The address of this machine to connect from. Default: the system's choice. */
  readonly localAddress?: string | undefined;
  /** 4 or 6 to use only that version of IP. Default 0: both, racing as in RFC 8305 ("happy eyeballs"). */
  readonly family?: 0 | 4 | 6 | undefined;
  /** Resolves names instead of `dns.lookup`. Default: Node's. */
  readonly lookup?: LookupFunction | undefined;
  /**
   * WebSocket over HTTP/2 (RFC 8441). True offers it to `wss:` servers, where connections to the same origin with the same
   * options share one session; where the server does not take it, HTTP/1.1 is spoken, as it is to `ws:` servers, which
   * cannot be asked. `"prior-knowledge"` speaks nothing but HTTP/2, to `ws:` servers too. A `ClientHttp2Session` uses that
   * session, which stays yours. Default false: HTTP/1.1 works everywhere, and one connection lost is one socket lost.
   */
  readonly http2?: boolean | "prior-knowledge" | ClientHttp2Session | undefined;
  /**
   * Opens the transport instead of TCP and proxies: a tunnel, a test. TLS is still put on top for `wss:`.
   * Default: none.
   */
  readonly createConnection?: ((target: TransportTarget) => Duplex | Promise<Duplex>) | undefined;
}

/** Where a transport is to lead. */
export interface TransportTarget {
  readonly hostname: string;
  readonly port: number;
  /** Whether we put TLS on top. */
  readonly isSecure: boolean;
}
