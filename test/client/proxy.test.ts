import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net";
import { after, describe, it, type TestContext } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { connect } from "hawser/client";
import { WebSocketServer } from "ws";
import { testCertificate } from "../support/certificate.js";
import { freePort } from "../support/free-port.js";
import { leakCheck } from "../support/leak-check.js";
import { connectErrorOf } from "./connect-error.js";
import { echoServer } from "./echo-server.js";
import { closeServer, headerOf, onHead, type RawServer, rawServer, switching } from "./raw-server.js";

/** Connects the two ends, as a proxy does after CONNECT. Names that do not exist lead to loopback. */
function tunnel(socket: Socket, head: string): void {
  const port = Number(/^CONNECT \S+:(\d+) /.exec(head)?.[1]);
  const other = connectTcp(port, "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n");
    socket.pipe(other).pipe(socket);
  });
  other.on("error", () => socket.destroy());
  socket.on("close", () => other.destroy());
  other.on("close", () => socket.destroy());
}

describe("an HTTP proxy", () => {
  after(leakCheck());

  function withEnvironment(t: TestContext, values: Record<string, string>): void {
    for (const [name, value] of Object.entries(values)) {
      const before = process.env[name];
      process.env[name] = value;
      t.after(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
  }

  async function secureEcho(t: TestContext): Promise<number> {
    const { key, cert } = testCertificate();
    const http = createHttpsServer({ key, cert });
    const server = new WebSocketServer({ server: http });
    server.on("connection", (socket) =>
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    t.after(() =>
      closeServer(
        http,
        [...server.clients].map((one) => ({ destroy: () => one.terminate() }) as Socket),
      ),
    );
    return (http.address() as AddressInfo).port;
  }

  async function echo(proxyUrl: string | undefined, url: string): Promise<void> {
    const socket = await connect(url, {
      ...(proxyUrl !== undefined && { proxy: proxyUrl }),
      tls: { ca: testCertificate().ca },
      headers: { authorization: "Bearer target" },
    });
    socket.send("through");
    for await (const message of socket) {
      assert.equal(message, "through");
      break;
    }
    assert.equal((await socket.close()).wasClean, true);
  }

  it("tunnels ws: and wss:, and alone gets its credentials", async (t) => {
    const proxy = await rawServer(t, tunnel);
    const target = await echoServer(t);
    const port = Number(new URL(target.url).port);
    const url = `http://me:p%40ss@127.0.0.1:${proxy.port}`;
    await echo(url, target.url);
    const authorization = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    const [head = ""] = proxy.requests;
    assert.match(
      head,
      new RegExp(`^CONNECT 127\\.0\\.0\\.1:${port} HTTP/1\\.1\\r\\nHost: 127\\.0\\.0\\.1:${port}\\r\\n`),
    );
    assert.equal(headerOf(head, "proxy-authorization"), authorization);
    assert.equal(headerOf(head, "authorization"), undefined);
    assert.equal(target.requests[0]?.headers["proxy-authorization"], undefined);
    assert.equal(target.requests[0]?.headers.authorization, "Bearer target");
    await echo(url, `wss://localhost:${await secureEcho(t)}`);
  });

  it("resolves the name of the target itself", async (t) => {
    const proxy = await rawServer(t, tunnel);
    const target = await rawServer(t, (socket, head) => socket.write(switching(head)));
    const socket = await connect(`ws://only-there.invalid:${target.port}/`, {
      proxy: { url: `127.0.0.1:${proxy.port}`, headers: { "X-Team": "a" } },
    });
    assert.equal(headerOf(proxy.requests[0] ?? "", "host"), `only-there.invalid:${target.port}`);
    assert.equal(headerOf(proxy.requests[0] ?? "", "x-team"), "a");
    assert.equal(headerOf(target.requests[0] ?? "", "x-team"), undefined);
    socket.terminate();
    await socket.closed;
  });

  it("may be spoken to over TLS, and tunnel TLS in it", async (t) => {
    const { key, cert, ca } = testCertificate();
    const sockets = new Set<Socket>();
    const proxy = createTlsServer({ key, cert }, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      onHead(socket, (head) => tunnel(socket, head));
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    t.after(() => closeServer(proxy, sockets));
    const { port } = proxy.address() as AddressInfo;
    const socket = await connect(`wss://localhost:${await secureEcho(t)}`, {
      proxy: { url: `https://localhost:${port}`, tls: { ca } },
      tls: { ca },
    });
    socket.send("twice");
    for await (const message of socket) {
      assert.equal(message, "twice");
      break;
    }
    assert.equal((await socket.close()).wasClean, true);
    const error = await connectErrorOf(connect("ws://a.invalid", { proxy: `https://localhost:${port}` }));
    assert.deepEqual([error.code, error.phase], ["CONNECT_FAILED", "proxy"]);
  });

  it("is taken from the environment, but not for loopback and NO_PROXY", async (t) => {
    const proxy = await rawServer(t, tunnel);
    const target = await echoServer(t);
    const { port } = new URL(target.url);
    withEnvironment(t, {
      http_proxy: `http://127.0.0.1:${proxy.port}`,
      no_proxy: "direct.invalid",
    });
    await echo(undefined, `ws://somewhere.invalid:${port}`);
    assert.equal(proxy.requests.length, 1);
    await echo(undefined, target.url);
    assert.equal(proxy.requests.length, 1);
    const error = await connectErrorOf(
      connect("ws://direct.invalid", {
        lookup: (_name, _options, callback) => callback(new Error("no such name"), ""),
      }),
    );
    assert.equal(error.phase, "dns");
  });

  const refusals: [what: string, answer: string, status: number | undefined][] = [
    [
      "asks for credentials",
      "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
      407,
    ],
    ["redirects", "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", 302],
    ["switches protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 101],
    [
      "sends bytes behind its answer",
      "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n",
      undefined,
    ],
    ["does not speak HTTP", "\x05\x00", undefined],
    ["does not end its head", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`, undefined],
  ];
  for (const [what, answer, status] of refusals) {
    it(`is refused if it ${what}`, async (t) => {
      const proxy: RawServer = await rawServer(t, (socket) => socket.write(answer, "latin1"));
      const error = await connectErrorOf(
        connect("ws://a.invalid/", { proxy: proxy.url.replace("ws:", "http:") }),
      );
      assert.deepEqual([error.code, error.phase, error.status], ["PROXY_REFUSED", "proxy", status]);
      if (status === 407) assert.deepEqual(error.headers, ["Proxy-Authenticate", "Basic"]);
    });
  }

  it("that is not there fails in the phase proxy", async () => {
    const port = await freePort();
    const error = await connectErrorOf(connect("ws://a.invalid/", { proxy: `http://127.0.0.1:${port}` }));
    assert.deepEqual([error.code, error.phase], ["CONNECT_FAILED", "proxy"]);
    assert.equal((error.cause as { code?: string }).code, "ECONNREFUSED");
  });
});
