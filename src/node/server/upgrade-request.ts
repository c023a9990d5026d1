import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { RequestHead } from "../../protocol/handshake/head-parser.js";
import { HeaderList } from "../../protocol/handshake/header-list.js";
import type { ByteStream } from "../byte-stream.js";
import { isHttp2Stream } from "../drop-stream.js";
import { RawSocket } from "../raw-socket.js";
import { parseCookies } from "./cookies.js";

/** The values of the `:name` parts of a route's path, decoded. */
export type RouteParams = Readonly<Record<string, string>>;

/** Where a request came from that another node was sent. */
export class RelayedOrigin {
  readonly remoteAddress: string;
  readonly isSecure: boolean;
  readonly httpVersion: "1.1" | "2";

  constructor(remoteAddress: string, isSecure: boolean, httpVersion: "1.1" | "2") {
    this.remoteAddress = remoteAddress;
    this.isSecure = isSecure;
    this.httpVersion = httpVersion;
  }
}

/** Of a route without named parts. */
export const NO_PARAMS: RouteParams = Object.freeze({});

/**
 * The request that opened a connection, or asks to. It stays reachable as `socket.request`; to cost little there, it
 * keeps the header fields as one string and takes it apart when it is asked.
 */
export class UpgradeRequest {
  /** Path and query, as they were sent: `/chat?room=5`. */
  readonly target: string;
  /** What the `:name` parts of the route's path stand for. */
  params: RouteParams = NO_PARAMS;
  /** Whether the connection to us is encrypted. A proxy in front may have taken TLS off. */
  readonly isSecure: boolean;
  /** The HTTP it came over: over `2` many connections share one of TCP. */
  readonly httpVersion: "1.1" | "2";
  /**
   * Node's request, for what middleware has put on it (a session, say). Only with `attach` and `handleUpgrade`, over HTTP/1.1, and only
   * until the `upgrade` hook and `open` are done: it holds some kilobytes.
   */
  incoming: IncomingMessage | undefined;
  #remoteAddress: string;
  #fields: string;
  #headers: HeaderList | undefined = undefined;

  /** @internal */
  constructor(
    head: Pick<RequestHead, "target" | "headers">,
    stream: ByteStream | RelayedOrigin,
    incoming: IncomingMessage | undefined,
  ) {
    this.target = head.target;
    if (stream instanceof RelayedOrigin) {
      this.httpVersion = stream.httpVersion;
      this.#remoteAddress = stream.remoteAddress;
      this.isSecure = stream.isSecure;
    } else if (isHttp2Stream(stream)) {
      this.httpVersion = "2";
      this.#remoteAddress = stream.session?.socket?.remoteAddress ?? "";
      this.isSecure = stream.session?.encrypted === true;
    } else {
      this.httpVersion = "1.1";
      this.#remoteAddress =
        (stream instanceof RawSocket || stream instanceof Socket ? stream.remoteAddress : undefined) ?? "";
      this.isSecure = "encrypted" in stream && stream.encrypted === true;
    }
    this.incoming = incoming;
    this.#fields = head.headers.raw.join("\n"); // no header name or value has a line end in it
  }

  /** @internal What the server found out: where the path leads, and which address counts. */
  resolve(params: RouteParams, remoteAddress: string): void {
    this.params = params;
    this.#remoteAddress = remoteAddress;
  }

  /** @internal The handshake is over: header fields that were taken apart for it are one string again, until somebody asks. */
  fold(): void {
    if (this.#headers === undefined) return;
    this.#fields = this.#headers.raw.join("\n");
    this.#headers = undefined;
  }

  /**
   * The peer's IP address, or what the server's `clientAddress` made of the request; empty for a Unix socket. It cannot
   * be set: connections are counted by it.
   */
  get remoteAddress(): string {
    return this.#remoteAddress;
  }

  /** The header fields. */
  get headers(): HeaderList {
    if (this.#headers === undefined) {
      this.#headers = new HeaderList(this.#fields === "" ? [] : this.#fields.split("\n"));
      this.#fields = "";
    }
    return this.#headers;
  }

  /** The path, without the query, as it was sent. */
  get path(): string {
    const mark = this.target.indexOf("?");
    return mark === -1 ? this.target : this.target.slice(0, mark);
  }

  /** The parameters of the query. */
  get query(): URLSearchParams {
    const mark = this.target.indexOf("?");
    return new URLSearchParams(mark === -1 ? "" : this.target.slice(mark + 1));
  }

  /** `Host`, or `:authority` over HTTP/2: the host and port that the client wanted to reach. */
  get host(): string {
    return this.headers.get("host") ?? "";
  }

  /** `Origin`: the web page that opened the connection; undefined outside browsers. */
  get origin(): string | undefined {
    return this.headers.get("origin");
  }

  /** The cookies. Of a name that stands twice, the first counts: browsers send the more specific one first. */
  get cookies(): ReadonlyMap<string, string> {
    return parseCookies(this.headers.getAll("cookie"));
  }
}
