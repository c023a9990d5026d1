import { isIP, type NetConnectOpts, Socket, type TcpNetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { UsageError } from "../../core/hawser-error.js";
import { assertFields, headText } from "../../protocol/handshake/head-text.js";
import type { DialOptions } from "./dial-options.js";
import type { HttpProxy } from "./http-proxy.js";
import type { Opening } from "./opening.js";
import { readHead } from "./read-head.js";
import type { Target } from "./target.js";
import { HTTP1_ONLY, type TlsOptions, tlsConnectOptions } from "./tls-options.js";

/**
 * Opens the transport to `target`: TCP or a Unix socket, through a proxy or not, with TLS or not.
 * @param alpn what TLS offers to speak.
 */
export async function dial(
  opening: Opening,
  target: Target,
  proxy: HttpProxy | undefined,
  tls: TlsOptions,
  options: DialOptions,
  alpn: readonly string[] = HTTP1_ONLY,
): Promise<Duplex> {
  const stream = await openTransport(opening, target, proxy, options);
  if (!target.isSecure) return stream;
  opening.phase = "tls";
  return openTls(opening, stream, target.hostname, tls, alpn);
}

function openTransport(
  opening: Opening,
  target: Target,
  proxy: HttpProxy | undefined,
  options: DialOptions,
): Promise<Duplex> {
  const { createConnection } = options;
  if (createConnection !== undefined) {
    if (typeof createConnection !== "function")
      throw new UsageError("INVALID_OPTION", "createConnection must be a function");
    opening.phase = "tcp";
    return openForeign(opening, () =>
      createConnection({ hostname: target.hostname, port: target.port, isSecure: target.isSecure }),
    );
  }
  if (target.socketPath !== undefined) {
    const path = target.socketPath;
    opening.phase = "tcp";
    return openSocket(opening, { path });
  }
  if (proxy !== undefined) {
    opening.phase = "proxy";
    return openTunnel(opening, target, proxy, options);
  }
  opening.phase = isIP(target.hostname) === 0 ? "dns" : "tcp";
  return openSocket(opening, tcpOptions(target.hostname, target.port, options));
}

function openSocket(opening: Opening, options: NetConnectOpts): Promise<Socket> {
  return opening.step((resolve) => {
    // Owned before it connects: where Node refuses an option, the socket is there all the same.
    const socket = new Socket();
    opening.own(socket);
    // Frames of a turn leave in one write: holding it back to fill a packet (Nagle) would only cost time.
    socket.setNoDelay(true);
    const onLookup = (error: Error | null): void => {
      if (!error && opening.phase === "dns") opening.phase = "tcp";
    };
    socket.on("lookup", onLookup);
    socket.once("connect", () => {
      socket.off("lookup", onLookup);
      resolve(socket);
    });
    socket.connect(options);
  });
}

function tcpOptions(host: string, port: number, options: DialOptions): TcpNetConnectOpts {
  const { localAddress, family, lookup } = options;
  return {
    host,
    port,
    autoSelectFamily: true,
    ...(localAddress !== undefined && { localAddress }),
    ...(family !== undefined && { family }),
    ...(lookup !== undefined && { lookup }),
  };
}

/** A transport that the application opens. If it comes too late, it is dropped. */
async function openForeign(opening: Opening, create: () => Duplex | Promise<Duplex>): Promise<Duplex> {
  const given = await opening.step<Duplex | undefined>((resolve) => {
    new Promise<Duplex>((made) => made(create())).then(
      (stream) => {
        if (!isStream(stream)) {
          resolve(undefined);
          return;
        }
        opening.own(stream);
        if (opening.hasFailed) opening.dropStreams();
        else resolve(stream);
      },
      (error: unknown) => {
        opening.failWith("CONNECT_FAILED", "createConnection failed", { cause: error });
      },
    );
  });
  if (given === undefined) throw new UsageError("INVALID_OPTION", "createConnection gave no stream");
  return given;
}

function isStream(value: unknown): value is Duplex {
  const { on, write, read } = (value ?? {}) as Partial<Duplex>;
  return [on, write, read].every((method) => typeof method === "function");
}

/** Has the proxy open a tunnel (RFC 9110 §9.3.6). All of it is the phase `proxy`, its name and its TLS too. */
async function openTunnel(
  opening: Opening,
  target: Target,
  proxy: HttpProxy,
  options: DialOptions,
): Promise<Duplex> {
  const { hostname, port } = target;
  const authority = `${isIP(hostname) === 6 ? `[${hostname}]` : hostname}:${port}`;
  const fields = ["Host", authority, ...proxy.headers];
  assertFields(fields);

  let stream: Duplex = await openSocket(opening, tcpOptions(proxy.hostname, proxy.port, options));
  if (proxy.isSecure) stream = await openTls(opening, stream, proxy.hostname, proxy.tls, HTTP1_ONLY);
  stream.write(headText(`CONNECT ${authority} HTTP/1.1`, fields), "latin1");
  const { head, rest } = await readHead(opening, stream);
  if (head.status < 200 || head.status > 299) {
    const details = { status: head.status, headers: head.headers.raw };
    throw opening.failWith("PROXY_REFUSED", `the proxy answered with status ${head.status}`, details);
  }
  // Nobody behind it could have spoken yet: the proxy made these bytes up.
  if (rest.length > 0) {
    throw opening.failWith("PROXY_REFUSED", "the proxy sent bytes of its own behind its answer");
  }
  return stream;
}

function openTls(
  opening: Opening,
  below: Duplex,
  hostname: string,
  options: TlsOptions,
  alpn: readonly string[],
): Promise<TLSSocket> {
  return opening.step((resolve) => {
    const socket = connectTls({ ...tlsConnectOptions(hostname, options, alpn), socket: below });
    opening.own(socket);
    socket.once("secureConnect", () => resolve(socket));
  });
}
