import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import type { ConformanceCase } from "./conformance-case.js";
import { conformanceCases } from "./conformance-cases.js";
import { expectGoodbye } from "./expectations.js";
import { fieldValues, type HttpHead, MAX_HEAD_BYTES, takeHead, targetOf } from "./http-head.js";
import { Http2Transport, http1RequestOf } from "./http2-transport.js";
import type { Verdict } from "./outcome.js";
import { Peer } from "./peer.js";
import type { CaseResult, ConformanceReport } from "./report.js";
import { runCase } from "./run-case.js";
import { type ConformanceOptions, DEFAULT_TIMEOUT_MS } from "./test-server.js";
import type { AcceptedClient } from "./tested-end.js";

/** How clients are tested. */
export interface FuzzingServerOptions extends ConformanceOptions {
  /** The port to listen on; 0 takes a free one. Default 9001, as Autobahn's. */
  readonly port?: number | undefined;
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Told of each case that is done, how many there are, and whose it is. Default none. */
  readonly onAgentResult?: ((agent: string, result: CaseResult, total: number) => void) | undefined;
  /** Told of a client that asks for its report (`/updateReports`). Default none. */
  readonly onReport?: ((report: ConformanceReport) => void | Promise<void>) | undefined;
}

/** How Autobahn calls the verdicts in its answers. */
const BEHAVIOR: Readonly<Record<Verdict, string>> = {
  pass: "OK",
  "non-strict": "NON-STRICT",
  fail: "FAILED",
  unimplemented: "UNIMPLEMENTED",
};
const REQUEST_TIMEOUT_MS = 10_000;
/** In megabytes: a session has many cases, and each may have messages that are larger than Node's 10. */
const MAX_SESSION_MEMORY = 4_096;

/**
 * A server that tests the clients which connect to it, driven by them as Autobahn's fuzzing server is:
 *
 * - `/getCaseCount` answers with a message that has the number of cases,
 * - `/runCase?case=1&agent=name` runs one, from 1 to that number, against a client that echoes,
 * - `/getCaseInfo?case=1` and `/getCaseStatus?case=1&agent=name` answer with JSON,
 * - `/updateReports?agent=name` ends the run of that agent.
 */
export class FuzzingServer {
  readonly #options: FuzzingServerOptions;
  readonly #cases: readonly ConformanceCase[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #agents = new Map<string, { date: string; results: Map<string, CaseResult> }>();
  readonly #running = new Set<Promise<void>>();

  /** Use {@link FuzzingServer.listen}. */
  private constructor(options: FuzzingServerOptions) {
    this.#options = options;
    this.#cases = conformanceCases("client", options);
    if (options.http2 === true) {
      this.#server = createHttp2Server({
        settings: { enableConnectProtocol: true },
        maxSessionMemory: MAX_SESSION_MEMORY,
      });
      this.#server.on("connection", (socket: Socket) => this.#keep(socket));
      this.#server.on("stream", (stream: ServerHttp2Stream, fields) => this.#acceptStream(stream, fields));
    } else {
      this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    }
  }

  /** Starts one. Resolves when it listens. */
  static async listen(options: FuzzingServerOptions = {}): Promise<FuzzingServer> {
    const fuzzing = new FuzzingServer(options);
    await new Promise<void>((resolve, reject) => {
      fuzzing.#server.once("error", reject);
      fuzzing.#server.listen({ port: options.port ?? 9_001, host: options.host ?? "127.0.0.1" }, resolve);
    });
    return fuzzing;
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where clients connect to: `ws://127.0.0.1:9001`. */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `ws://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  }

  /** How many cases there are. */
  get caseCount(): number {
    return this.#cases.length;
  }

  /** What is known of the clients so far, in the order in which they came. */
  get reports(): ConformanceReport[] {
    return [...this.#agents].map(([agent, { date, results }]) => ({
      agent,
      tested: "client",
      date,
      results: this.#cases.flatMap(({ id }) => results.get(id) ?? []),
    }));
  }

  /** Stops listening and drops every connection. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
  }

  #acceptStream(stream: ServerHttp2Stream, fields: IncomingHttpHeaders): void {
    stream.on("error", () => {});
    if (fields[":method"] !== "CONNECT") {
      stream.respond({ ":status": 404 }, { endStream: true });
      return;
    }
    const socket = Http2Transport.toClient(stream, () => {});
    socket.on("error", () => {});
    const request = http1RequestOf(fields);
    this.#begin({ socket, request, connectFields: fields, firstBytes: Buffer.alloc(0) });
  }

  #begin(client: AcceptedClient): void {
    this.#serve(client).catch((error: unknown) => {
      client.socket.destroy();
      process.emitWarning(error instanceof Error ? error : String(error));
    });
  }

  #accept(socket: Socket): void {
    this.#keep(socket);
    let received: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => socket.destroy(), REQUEST_TIMEOUT_MS);
    socket.on("close", () => clearTimeout(timer));
    const onData = (bytes: Buffer): void => {
      received = Buffer.concat([received, bytes]);
      const taken = takeHead(received);
      if (taken === undefined) {
        if (received.length > MAX_HEAD_BYTES) socket.destroy();
        return;
      }
      clearTimeout(timer);
      socket.off("data", onData);
      // What comes before the case listens must not be lost.
      socket.pause();
      this.#begin({ socket, request: taken.head, firstBytes: taken.rest });
    };
    socket.on("data", onData);
  }

  async #serve(client: AcceptedClient): Promise<void> {
    const target = targetOf(client.request);
    if (!URL.canParse(target, "ws://localhost")) return refuse(client, "400 Bad Request", "No such target.");
    const { pathname, searchParams } = new URL(target, "ws://localhost");
    const agent = searchParams.get("agent") ?? "unknown";
    const one = this.#cases[Number(searchParams.get("case")) - 1];
    if (!isWebSocket(client.request)) {
      return refuse(client, "426 Upgrade Required", "This server tests WebSocket clients.");
    }
    if (pathname === "/getCaseCount") return this.#tell(client, String(this.#cases.length));
    if (pathname === "/updateReports") {
      await this.#settled();
      const report = this.reports.find((candidate) => candidate.agent === agent);
      if (report !== undefined) await this.#options.onReport?.(report);
      return this.#tell(client, undefined);
    }
    if (one === undefined) return refuse(client, "404 Not Found", "There is no such case.");
    if (pathname === "/runCase") {
      const running = this.#runCase(client, one, agent);
      this.#running.add(running);
      return running.finally(() => this.#running.delete(running));
    }
    if (pathname === "/getCaseInfo") {
      return this.#tell(client, JSON.stringify({ id: one.id, description: one.expectation }));
    }
    if (pathname === "/getCaseStatus") {
      await this.#settled();
      const verdict = this.#agents.get(agent)?.results.get(one.id)?.verdict;
      return this.#tell(
        client,
        JSON.stringify({ behavior: verdict === undefined ? "UNKNOWN" : BEHAVIOR[verdict] }),
      );
    }
    return refuse(client, "404 Not Found", "There is nothing at this path.");
  }

  /** A client knows that its connection is gone before the verdict is written down. */
  async #settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #runCase(client: AcceptedClient, one: ConformanceCase, agent: string): Promise<void> {
    let known = this.#agents.get(agent);
    if (known === undefined) {
      known = { date: new Date().toISOString(), results: new Map() };
      this.#agents.set(agent, known);
    }
    this.#options.onStart?.(one.id, agent);
    const result = await runCase(one, new Peer(client), this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    known.results.set(one.id, result);
    this.#options.onResult?.(result, this.#cases.length);
    this.#options.onAgentResult?.(agent, result, this.#cases.length);
  }

  /** Sends one message, if there is one, and closes. */
  async #tell(client: AcceptedClient, message: string | undefined): Promise<void> {
    const peer = new Peer(client);
    const timer = setTimeout(() => client.socket.destroy(), this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      await peer.open();
      if (message !== undefined) peer.write(peer.message(true, message));
      // A client that is in a hurry to leave has still been told.
      await expectGoodbye(peer).catch(() => {});
    } finally {
      clearTimeout(timer);
      await peer.finish();
    }
  }
}

function isWebSocket(request: HttpHead): boolean {
  return fieldValues(request, "upgrade").join().toLowerCase().includes("websocket");
}

function refuse({ socket }: AcceptedClient, status: string, body: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}\n`,
  );
}
