import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { UsageError } from "../core/hawser-error.js";
import type { CaseSelection } from "./conformance-cases.js";
import { conformanceCases } from "./conformance-cases.js";
import { Http2Transport } from "./http2-transport.js";
import { Peer } from "./peer.js";
import type { CaseResult, ConformanceReport } from "./report.js";
import { runCase } from "./run-case.js";
import type { ServerTarget } from "./tested-end.js";

/** What both kinds of run can be told. */
export interface ConformanceOptions extends CaseSelection {
  /**
   * How long a case may take in ms, each echo it waits for anew; those that move megabytes may take several times that.
   * Default 10 s.
   */
  readonly timeoutMs?: number | undefined;
  /** Told of each case that begins, by its id; and who is tested. Default none. */
  readonly onStart?: ((id: string, agent: string) => void) | undefined;
  /** Told of each case that is done, and how many there are. Default none. */
  readonly onResult?: ((result: CaseResult, total: number) => void) | undefined;
}

/** How a server is tested. */
export interface TestServerOptions extends ConformanceOptions {
  /** The name of the server in the report. Default: its host. */
  readonly agent?: string | undefined;
  /** How many cases run at the same time. Default 4: most of them wait for the network. */
  readonly concurrency?: number | undefined;
  /** Whether the certificate of a `wss:` server may be anything. Default: false. */
  readonly insecure?: boolean | undefined;
}

/** The default of `timeoutMs`. */
export const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_CONCURRENCY = 4;
/** In megabytes: some messages are larger than Node's 10. */
const MAX_SESSION_MEMORY = 4_096;

/**
 * Runs the suite against a server that echoes text and binary messages at `url`.
 *
 * @throws {@link UsageError} `INVALID_URL` unless it is a `ws:` or `wss:` URL.
 */
export async function testServer(
  url: string | URL,
  options: TestServerOptions = {},
): Promise<ConformanceReport> {
  const target = serverTarget(url, options.insecure ?? false, options.http2 ?? false);
  const agent = options.agent ?? target.host;
  const cases = conformanceCases("server", options);
  const results: CaseResult[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < cases.length) {
      const index = next++;
      const one = cases[index]!;
      options.onStart?.(one.id, agent);
      const result = await runCase(one, new Peer(target), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      results[index] = result;
      options.onResult?.(result, cases.length);
    }
  };
  const date = new Date().toISOString();
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency ?? DEFAULT_CONCURRENCY) }, work));
  return { agent, tested: "server", date, results };
}

function serverTarget(input: string | URL, isInsecure: boolean, isHttp2: boolean): ServerTarget {
  const url = URL.canParse(String(input)) ? new URL(input) : undefined;
  if (url === undefined || (url.protocol !== "ws:" && url.protocol !== "wss:") || url.hash !== "") {
    throw new UsageError("INVALID_URL", `Not a ws: or wss: URL: ${input}`);
  }
  const isSecure = url.protocol === "wss:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  const connect = (): Promise<Duplex> => openTransport(host, port, isSecure, isInsecure, ["http/1.1"]);
  const target = { host: url.host, path: `${url.pathname}${url.search}`, connect };
  if (!isHttp2) return target;
  const connectSession = async (): Promise<ClientHttp2Session> =>
    openSession(await openTransport(host, port, isSecure, isInsecure, ["h2"]), url);
  return {
    ...target,
    connectSession,
    async connect() {
      const session = await connectSession();
      return Http2Transport.toServer(
        isSecure,
        (fields) => session.request(fields, { endStream: false }),
        () => session.close(),
      );
    },
  };
}

function openTransport(
  host: string,
  port: number,
  isSecure: boolean,
  isInsecure: boolean,
  alpn: string[],
): Promise<Duplex> {
  return new Promise<Duplex>((resolve, reject) => {
    const socket = isSecure
      ? connectTls({
          host,
          port,
          // An address is no server name (RFC 6066 §3).
          ...(isIP(host) === 0 && { servername: host }),
          rejectUnauthorized: !isInsecure,
          ALPNProtocols: alpn,
        })
      : connectTcp({ host, port });
    socket.once("error", reject);
    socket.once(isSecure ? "secureConnect" : "connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** A session of HTTP/2 over a transport, when the server has said that it takes WebSocket over it. */
function openSession(transport: Duplex, { origin, protocol }: URL): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const authority = origin === "null" ? `${protocol === "wss:" ? "https" : "http"}://localhost` : origin;
    const session = connectHttp2(authority.replace(/^ws/, "http"), {
      createConnection: () => transport,
      maxSessionMemory: MAX_SESSION_MEMORY,
    });
    session.once("close", () => reject(new Error("the session of HTTP/2 ended at once")));
    session.on("error", reject);
    session.once("remoteSettings", ({ enableConnectProtocol }) => {
      if (enableConnectProtocol === true) resolve(session);
      else {
        session.destroy();
        reject(new Error("no SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3)"));
      }
    });
  });
}
