import assert from "node:assert/strict";
import { once } from "node:events";
import {
  constants,
  createSecureServer,
  createServer,
  connect as openSession,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  type Socket,
} from "node:net";
import { after, describe, it } from "node:test";
import { type ClientConnection, type ConnectOptions, connect, WebSocket } from "hawser/client";
import { attach, refuse, type ServeOptions, serve } from "hawser/server";
import { connectErrorOf } from "../client/connect-error.js";
import { testCertificate } from "../support/certificate.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { until } from "../support/until.js";

const ECHO: ServeOptions = { pingIntervalMs: 0, message: (socket, data) => void socket.send(data) };
const certificate = testCertificate();
const tls = { ca: certificate.ca };
const NEGOTIATED: ConnectOptions = { http2: true, tls };
const PRIOR: ConnectOptions = { http2: "prior-knowledge" };

/** A server of node:http2 that does with each stream what the test says. */
class Http2TestServer {
  readonly streams = new Inbox<ServerHttp2Stream>("stream");
  readonly sessions: ServerHttp2Session[] = [];
  readonly #http;

  constructor(settings: { enableConnectProtocol?: boolean; maxConcurrentStreams?: number } = {}) {
    this.#http = createServer({ settings: { enableConnectProtocol: true, ...settings } });
    this.#http.on("session", (session) => this.sessions.push(session));
    this.#http.on("stream", (stream) => {
      stream.on("error", () => {});
      this.streams.push(stream);
    });
  }

  async listen(): Promise<string> {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async accept(): Promise<ServerHttp2Stream> {
    const stream = await this.streams.next();
    stream.respond({ ":status": 200 });
    return stream;
  }

  close(): void {
    this.#http.close();
    for (const session of this.sessions) session.destroy();
  }
}

/** Counts the connections that go through it to `port`. */
async function countingProxy(port: number): Promise<{ port: number; sockets: Socket[]; close(): void }> {
  const sockets: Socket[] = [];
  const proxy = createTcpServer((socket) => {
    sockets.push(socket);
    const other = connectTcp(port, "127.0.0.1");
    socket.on("error", () => other.destroy());
    other.on("error", () => socket.destroy());
    socket.pipe(other).pipe(socket);
    socket.on("close", () => other.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    port: (proxy.address() as AddressInfo).port,
    sockets,
    close() {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe("connect with http2: true", () => {
  after(leakCheck());

  it("shares one connection among sockets to the same origin, and ends it with the last of them", async () => {
    await using server = await serve({ ...ECHO, http2: true, tls: certificate, compression: true });
    const proxy = await countingProxy(server.port);
    const messages = new Inbox<string>("message");
    const options: ConnectOptions = {
      ...NEGOTIATED,
      protocols: "chat",
      message: (_socket, data) => messages.push(String(data)),
    };
    const url = `wss://127.0.0.1:${proxy.port}`;
    const sockets = await Promise.all(Array.from({ length: 10 }, () => connect(url, options)));
    sockets.push(await connect(`${url}/another/path`, options));
    assert.equal(proxy.sockets.length, 1);
    assert.deepEqual([...new Set(sockets.map(({ response }) => response.httpVersion))], ["2"]);
    assert.deepEqual([...new Set(sockets.map(({ response }) => response.status))], [200]);
    assert.equal(sockets[0]!.extensions, "permessage-deflate");
    sockets[3]!.send("hello".repeat(1_000));
    assert.equal(await messages.next(), "hello".repeat(1_000));
    for (const socket of sockets) assert.equal((await socket.close()).wasClean, true);
    await until(
      () => proxy.sockets.every(({ destroyed }) => destroyed),
      "the session ends with the last one",
    );
    const again = await connect(url, options);
    assert.equal(proxy.sockets.length, 2);
    await again.close();
    proxy.close();
  });

  it("does not share with who has other credentials, another certificate to trust or another way", async () => {
    await using server = await serve({ ...ECHO, http2: true, tls: certificate });
    const proxy = await countingProxy(server.port);
    const url = `wss://127.0.0.1:${proxy.port}`;
    const sockets = [
      await connect(url, NEGOTIATED),
      await connect(url, { ...NEGOTIATED, tls: { ...tls, key: certificate.key, cert: certificate.cert } }),
      await connect(url, { ...NEGOTIATED, tls: { ...tls, rejectUnauthorized: false } }),
      await connect(url, { ...NEGOTIATED, localAddress: "127.0.0.2" }),
      await connect(url, { ...NEGOTIATED, headers: { Authorization: "Basic eA==" } }), // of the request, not of the session
    ];
    assert.equal(proxy.sockets.length, 4);
    await Promise.all(sockets.map((socket) => socket.close()));
    await assert.rejects(connect(url, { http2: true }), { code: "CONNECT_FAILED", phase: "tls" });
    proxy.close();
  });

  it("speaks HTTP/1.1 where the server chooses that, on the same connection", async () => {
    await using server = await serve({ ...ECHO, tls: certificate });
    const proxy = await countingProxy(server.port);
    const url = `wss://127.0.0.1:${proxy.port}`;
    const sockets = [await connect(url, NEGOTIATED), await connect(url, NEGOTIATED)];
    assert.deepEqual(
      sockets.map(({ response }) => response.httpVersion),
      ["1.1", "1.1"],
    );
    assert.equal(proxy.sockets.length, 2);
    await Promise.all(sockets.map((socket) => socket.close()));
    proxy.close();
  });

  it("gives each its own connection where several find out at once that it is HTTP/1.1", async () => {
    await using server = await serve({ ...ECHO, tls: certificate });
    const sockets = await Promise.all(Array.from({ length: 3 }, () => connect(server.url, NEGOTIATED)));
    assert.equal(server.connections.size, 3);
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it("speaks HTTP/1.1 where the server has HTTP/2 without WebSocket", async () => {
    const http = createSecureServer({ ...certificate, allowHTTP1: true });
    http.on("request", (_request, response) => response.end());
    const server = attach(http, ECHO);
    http.updateSettings({ enableConnectProtocol: false });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const socket = await connect(`wss://127.0.0.1:${(http.address() as AddressInfo).port}`, NEGOTIATED);
    assert.equal(socket.response.httpVersion, "1.1");
    await socket.close();
    await server.shutdown();
    http.close();
  });

  it("speaks HTTP/1.1 to ws: servers, which cannot be asked", async () => {
    await using server = await serve({ ...ECHO, http2: true });
    const socket = await connect(server.url, { http2: true });
    assert.equal(socket.response.httpVersion, "1.1");
    await socket.close();
  });

  it("goes on when the one that dialled gives up", async () => {
    await using server = await serve({ ...ECHO, http2: true, tls: certificate });
    const abort = new AbortController();
    const first = connect(server.url, { ...NEGOTIATED, signal: abort.signal });
    const second = connect(server.url, NEGOTIATED);
    abort.abort();
    await assert.rejects(first, { code: "ABORTED" });
    assert.equal((await second).response.httpVersion, "2");
    await (await second).close();
  });

  it("stops dialling when the last one gives up", async () => {
    const accepted: Socket[] = [];
    const silent = createTcpServer((socket) => {
      accepted.push(socket);
      socket.on("error", () => {}).resume();
    });
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const url = `wss://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const error = await connectErrorOf(connect(url, { ...NEGOTIATED, handshakeTimeoutMs: 400 }));
    assert.deepEqual([error.code, error.phase], ["HANDSHAKE_TIMEOUT", "tls"]);
    await until(
      () => accepted[0]?.readableEnded !== false || accepted[0].destroyed,
      "the connection is gone",
    );
    accepted[0]?.destroy();
    silent.close();
  });

  it("works for the class WebSocket, and through a transport of the caller's", async () => {
    await using server = await serve({ ...ECHO, http2: true, tls: certificate });
    let opened = 0;
    const createConnection = (): Socket => {
      opened++;
      return connectTcp(server.port, "127.0.0.1");
    };
    const sockets = [1, 2].map(
      () => new WebSocket("wss://localhost", [], { ...NEGOTIATED, createConnection } as object),
    );
    await Promise.all(sockets.map((socket) => once(socket, "open")));
    assert.equal(opened, 1);
    sockets[0]!.send("hi");
    const [event] = (await once(sockets[0]!, "message")) as [MessageEvent];
    assert.equal(event.data, "hi");
    for (const socket of sockets) socket.close();
    await Promise.all(sockets.map((socket) => once(socket, "close")));
  });
});

describe('connect with http2: "prior-knowledge"', () => {
  after(leakCheck());

  it("sends an extended CONNECT with what was asked for, and nothing of HTTP/1.1", async () => {
    const server = new Http2TestServer();
    const url = await server.listen();
    const opening = connect(`${url}/chat?room=5`, {
      ...PRIOR,
      protocols: ["a", "b"],
      origin: "https://example.com",
      headers: { "X-Custom": "1" },
    });
    const stream = await server.streams.next();
    const { [":authority"]: authority, ...headers } = stream.sentHeaders ?? {};
    assert.equal(authority, undefined);
    assert.deepEqual(headers, {});
    stream.respond({ ":status": 200, "sec-websocket-protocol": "b" });
    const socket = await opening;
    assert.equal(socket.protocol, "b");
    assert.equal(socket.url, `${url}/chat?room=5`);
    socket.terminate();
    await socket.closed;
    server.close();
  });

  it("fails as over HTTP/1.1: refused, redirected, wrong answer", async () => {
    await using server = await serve({
      http2: true,
      routes: {
        "/no": { upgrade: () => refuse(401, { headers: { "WWW-Authenticate": "Basic" }, body: "who?" }) },
        "/moved": { upgrade: () => refuse(307, { headers: { Location: "/here" } }) },
        "/here": ECHO,
      },
    });
    const refused = await connectErrorOf(connect(`${server.url}/no`, PRIOR));
    assert.deepEqual([refused.code, refused.phase, refused.status], ["HANDSHAKE_FAILED", "handshake", 401]);
    assert.ok(refused.headers.includes("www-authenticate"));
    const moved = await connectErrorOf(connect(`${server.url}/moved`, PRIOR));
    assert.equal(moved.status, 307);
    const socket = await connect(`${server.url}/moved`, { ...PRIOR, maxRedirects: 1 });
    assert.equal(socket.url, `${server.url}/here`);
    await socket.close();
    const required = await connectErrorOf(
      connect(`${server.url}/here`, { ...PRIOR, protocols: "chat", requireProtocol: true }),
    );
    assert.equal((required.cause as { code?: string }).code, "MISSING_PROTOCOL");
  });

  it("is not content with HTTP/1.1", async () => {
    await using secure = await serve({ ...ECHO, tls: certificate });
    const error = await connectErrorOf(connect(secure.url, { ...PRIOR, tls }));
    assert.deepEqual([error.code, error.phase], ["CONNECT_FAILED", "tls"]);
    await using plain = await serve(ECHO);
    assert.equal((await connectErrorOf(connect(plain.url, PRIOR))).code, "CONNECT_FAILED");
    const without = new Http2TestServer({ enableConnectProtocol: false });
    const unsupported = await connectErrorOf(connect(await without.listen(), PRIOR));
    assert.equal(unsupported.code, "HANDSHAKE_FAILED");
    assert.equal((unsupported.cause as { code?: string }).code, "EXTENDED_CONNECT_UNSUPPORTED");
    without.close();
  });

  it("gives up in time, and when it is aborted, and resets its stream with CANCEL", async () => {
    const server = new Http2TestServer();
    const url = await server.listen();
    const keep = connect(url, PRIOR);
    await server.accept();
    const abort = new AbortController();
    const late = connectErrorOf(connect(url, { ...PRIOR, handshakeTimeoutMs: 400 }));
    const aborted = connectErrorOf(connect(url, { ...PRIOR, signal: abort.signal }));
    const streams = [await server.streams.next(), await server.streams.next()];
    const closed = streams.map((stream) => once(stream, "close"));
    abort.abort(new Error("changed my mind"));
    assert.deepEqual([(await late).code, (await late).phase], ["HANDSHAKE_TIMEOUT", "handshake"]);
    assert.equal((await aborted).code, "ABORTED");
    await Promise.all(closed);
    assert.deepEqual(
      streams.map(({ rstCode }) => rstCode),
      [8, 8],
    );
    assert.equal((await keep).state, "open");
    (await keep).terminate();
    server.close();
  });

  it("gives up on a server that never sends its settings", async () => {
    const silent = createTcpServer((socket) => void socket.on("error", () => {}).resume());
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const error = await connectErrorOf(connect(url, { ...PRIOR, handshakeTimeoutMs: 400 }));
    assert.deepEqual([error.code, error.phase], ["HANDSHAKE_TIMEOUT", "handshake"]);
    silent.close();
  });

  it("opens another session where the first may have no more streams", async () => {
    const server = new Http2TestServer({ maxConcurrentStreams: 2 });
    const url = await server.listen();
    const opening = Array.from({ length: 5 }, () => connect(url, PRIOR));
    for (let i = 0; i < 5; i++) await server.accept();
    const sockets = await Promise.all(opening);
    assert.equal(server.sessions.length, 3);
    for (const socket of sockets) socket.terminate();
    server.close();
  });

  it("gives up where one session after the other refuses its stream", async () => {
    const server = new Http2TestServer();
    const url = await server.listen();
    const connecting = connectErrorOf(connect(url, { ...PRIOR, handshakeTimeoutMs: 3_000 }));
    for (let i = 0; i < 3; i++) (await server.streams.next()).close(constants.NGHTTP2_REFUSED_STREAM);
    const error = await connecting;
    assert.deepEqual([error.code, error.phase], ["CONNECT_FAILED", "handshake"]);
    assert.match(error.message, /took no stream on 3 sessions/);
    assert.equal(server.sessions.length, 3);
    server.close();
  });

  it("opens another session behind a GOAWAY; who is on the old one stays there", async () => {
    const server = new Http2TestServer();
    const url = await server.listen();
    const messages = new Inbox<string>("message");
    const opening = connect(url, { ...PRIOR, message: (_socket, data) => messages.push(String(data)) });
    const stream = await server.accept();
    const first = await opening;
    server.sessions[0]!.goaway();
    const second = connect(url, PRIOR);
    // The GOAWAY may still be on its way to a client that asks at once.
    await until(() => server.streams.size > 0 || server.sessions.length > 1, "the next one comes");
    await server.accept();
    await second;
    stream.write(Buffer.from([0x81, 2, 0x68, 0x69]));
    assert.equal(await messages.next(), "hi");
    first.terminate();
    (await second).terminate();
    server.close();
  });

  it("ends with 1006 for a reset, an END_STREAM without close, and a lost session", async () => {
    const server = new Http2TestServer();
    const url = await server.listen();
    const open = async (): Promise<{ socket: ClientConnection; stream: ServerHttp2Stream }> => {
      const opening = connect(url, { ...PRIOR, error() {} });
      const stream = await server.accept();
      return { socket: await opening, stream };
    };
    const [reset, ended, lost] = [await open(), await open(), await open()];
    assert.equal(server.sessions.length, 1);
    reset.stream.end = () => reset.stream;
    reset.stream.close(8);
    ended.stream.end();
    assert.equal((await reset.socket.closed).code, 1006);
    const { code, error } = await ended.socket.closed;
    assert.deepEqual([code, error?.code], [1006, "CONNECTION_LOST"]);
    assert.equal(lost.socket.state, "open");
    server.sessions[0]!.destroy();
    assert.equal((await lost.socket.closed).code, 1006);
    server.close();
  });
});

describe("connect over a session of the caller's", () => {
  after(leakCheck());

  it("uses it, also before it is connected, and leaves it open", async () => {
    await using server = await serve({ ...ECHO, http2: true });
    const session = openSession(server.url.replace("ws:", "http:"));
    const sockets = await Promise.all([
      connect(`${server.url}/a`, { http2: session }),
      connect(`${server.url}/b`, { http2: session }),
    ]);
    assert.equal(server.connections.size, 2);
    await Promise.all(sockets.map((socket) => socket.close()));
    const third = await connect(server.url, { http2: session });
    assert.deepEqual([third.response.httpVersion, session.closed], ["2", false]);
    await third.close();
    session.close();
    await once(session, "close");
    const late = await connectErrorOf(connect(server.url, { http2: session }));
    assert.deepEqual([late.code, late.phase], ["CONNECT_FAILED", "handshake"]);
  });

  it("fails where its server takes no WebSocket, also if it said so long ago", async () => {
    const server = new Http2TestServer({ enableConnectProtocol: false });
    const url = await server.listen();
    const session = openSession(url.replace("ws:", "http:"));
    await once(session, "remoteSettings");
    const error = await connectErrorOf(connect(url, { http2: session }));
    assert.equal((error.cause as { code?: string }).code, "EXTENDED_CONNECT_UNSUPPORTED");
    session.destroy();
    server.close();
  });

  it("refuses what is no session", async () => {
    for (const http2 of ["yes", 1, {}, null]) {
      await assert.rejects(connect("ws://127.0.0.1:1", { http2: http2 as never }), {
        code: "INVALID_OPTION",
      });
    }
  });

  it("refuses header fields that HTTP/2 does not have", async () => {
    await assert.rejects(connect("ws://127.0.0.1:1", { ...PRIOR, headers: { "Keep-Alive": "1" } }), {
      code: "INVALID_HEADER",
    });
  });
});
