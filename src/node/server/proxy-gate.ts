import type { Server as HttpServer } from "node:http";
import { isIPv6, type Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import { HandshakeError } from "../../core/hawser-error.js";
import { endsOf } from "./ends-of.js";
import type { ProxyHeader, ProxySource } from "./proxy-header.js";
import { type ProxyHeaderListener, ProxyHeaderReader } from "./proxy-header-reader.js";
import type { Server } from "./server.js";
import type { TrustedProxies } from "./trusted-proxies.js";

/**
 * Stands before everybody else who is told of connections to an HTTP server, and takes the header of the PROXY protocol
 * off those that come from a trusted proxy. Who comes behind sees the address of the client as that of the socket, and
 * the bytes of the client only.
 */
export class ProxyGate implements ProxyHeaderListener {
  readonly #server: Server;
  readonly #proxies: TrustedProxies;
  readonly #timeoutMs: number;
  readonly #pending = new Set<ProxyHeaderReader>();
  readonly #pass: (socket: Socket) => void;
  readonly #isSecure: boolean;
  /** Of connections in the handshake of TLS, which gives us a socket of its own, by the ends of TCP. */
  readonly #sources = new Map<string, ProxySource>();

  constructor(server: Server, http: HttpServer, proxies: TrustedProxies, timeoutMs: number) {
    this.#server = server;
    this.#proxies = proxies;
    this.#timeoutMs = timeoutMs;
    this.#isSecure = http instanceof TlsServer;
    const listeners = http.listeners("connection");
    http.removeAllListeners("connection");
    this.#pass = (socket) => {
      for (const listener of listeners) listener.call(http, socket);
    };
    http.on("connection", (socket: Socket) => this.#accept(socket));
    http.prependListener("secureConnection", (socket: Socket) => {
      const source = this.#sources.get(endsOf(socket));
      if (source !== undefined) setRemote(socket, source);
    });
  }

  /** Drops the connections whose header is not complete. */
  stop(): void {
    for (const { stream } of this.#pending) stream.destroy();
  }

  #accept(socket: Socket): void {
    if (this.#proxies.includes(socket)) {
      this.#pending.add(new ProxyHeaderReader(socket, this.#timeoutMs, this));
    } else {
      this.#pass(socket);
    }
  }

  /** @internal */
  onHeader(reader: ProxyHeaderReader, header: ProxyHeader | "invalid"): void {
    this.onGone(reader);
    const { stream: socket } = reader;
    if (header === "invalid") {
      const text = "the connection does not begin with a header of the PROXY protocol";
      this.#server.acceptor.refuseHead(socket, new HandshakeError("INVALID_PROXY_HEADER", 400, text));
      return;
    }
    const { source } = header;
    if (source !== undefined && this.#isSecure) {
      const ends = endsOf(socket);
      this.#sources.set(ends, source);
      socket.once("close", () => void this.#sources.delete(ends));
    }
    if (source !== undefined) setRemote(socket, source);
    this.#pass(socket);
    if (!this.#isSecure) socket.resume(); // TLS reads below it
  }

  /** @internal The connection is gone before its header was complete. */
  onGone(reader: ProxyHeaderReader): void {
    this.#pending.delete(reader);
  }
}

function setRemote(socket: Socket, { address, port }: ProxySource): void {
  Object.defineProperties(socket, {
    remoteAddress: { value: address, configurable: true, enumerable: true },
    remotePort: { value: port, configurable: true, enumerable: true },
    remoteFamily: { value: isIPv6(address) ? "IPv6" : "IPv4", configurable: true, enumerable: true },
  });
}
