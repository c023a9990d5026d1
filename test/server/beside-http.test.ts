import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, request as httpRequest, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import {
  attach,
  endpoint,
  type ListeningServer,
  memoryBroker,
  refuse,
  type ServerOptions,
  serve,
  UsageError,
} from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient, requestHead, textFrame } from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";

const silent = endpoint({ message() {} });

describe("a server beside ordinary HTTP", () => {
  after(leakCheck());

  it("lets a request that is being answered finish when it shuts down", async () => {
    let finish = (): void => {};
    const server = await serve({
      message() {},
      request(_request, response) {
        response.write("begun, ");
        finish = () => response.end("done");
      },
    });
    const [response] = await once(get({ port: server.port, host: "127.0.0.1" }), "response");
    const down = server.shutdown();
    finish();
    let body = "";
    for await (const chunk of response) body += chunk;
    assert.equal(body, "begun, done");
    await down;
  });

  it("drops a request that is still being answered when the time to drain is over", async () => {
    const server = await serve({
      message() {},
      request: (_request, response) => void response.write("begun"),
    });
    const [response] = await once(get({ port: server.port, host: "127.0.0.1" }), "response");
    const failed = once(response.resume(), "error");
    await server.shutdown({ drainTimeoutMs: 50 });
    await failed;
  });

  it("refuses a handshake behind requests that are not answered yet, when they are", async () => {
    const refusals: [string, string][] = [];
    const answers: (() => void)[] = [];
    for (const isAttached of [false, true]) {
      refusals.length = 0;
      answers.length = 0;
      const listener: RequestListener = (_request, response) =>
        void answers.push(() => response.end(`answer ${answers.length}`));
      const options: ServerOptions = {
        message: (socket, data) => void socket.send(data),
        refused: ({ code }, request) => void refusals.push([code, request.target]),
      };
      const http = createServer(listener);
      const server = isAttached ? attach(http, options) : await serve({ ...options, request: listener });
      if (isAttached) await once(http.listen(0, "127.0.0.1"), "listening");
      const port = "port" in server ? (server as ListeningServer).port : (http.address() as AddressInfo).port;
      const client = await RawClient.dial({ port });
      let text = "";
      client.socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
      });
      const request = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
      client.socket.write(request + request + requestHead({ path: "/ws" }));
      await until(() => answers.length === 2, "both are asked");
      await rounds(5);
      client.socket.write(textFrame("hi"));
      await rounds(5);
      assert.equal(text, "");
      answers[0]!();
      await rounds(5);
      assert.deepEqual(refusals, []);
      answers[1]!();
      await client.gone;
      assert.match(
        text,
        /^HTTP\/1.1 200 .*answer 2HTTP\/1.1 200 .*answer 2HTTP\/1.1 400 .*not answered yet\n$/s,
      );
      assert.deepEqual(refusals, [["REFUSED", "/ws"]]);
      await server.shutdown();
      http.close();
    }
  });

  it("takes a handshake behind requests that are answered", async () => {
    const server = await serve({
      message: (socket, data) => void socket.send(data),
      request: (_request, response) => void response.end("answer"),
    });
    const client = await RawClient.dial({ port: server.port });
    client.socket.write("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(client.socket, "data");
    await rounds(5);
    const answer = once(client.socket, "data");
    client.socket.write(requestHead({ path: "/ws" }));
    assert.match(String(await answer), /^HTTP\/1.1 101 /);
    await client.destroy();
    await server.shutdown();
  });

  it("hands a request that is no handshake to the request handler, wherever its bytes were cut", async () => {
    const server = await serve({
      message() {},
      request(request, response) {
        let body = "";
        request.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        request.on("end", () => response.end(`${request.method} ${request.url} ${body}`));
      },
    });
    const text = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
    for (let cut = 1; cut < text.length; cut++) {
      const client = await RawClient.dial({ port: server.port });
      client.socket.setNoDelay(true);
      let answer = "";
      client.socket.on("data", (chunk: Buffer) => {
        answer += chunk.toString("latin1");
      });
      client.socket.write(text.slice(0, cut));
      await new Promise(setImmediate);
      client.socket.write(text.slice(cut));
      await client.gone;
      assert.match(answer, /GET \/a body$/, `cut at ${cut}`);
    }
    await server.shutdown();
  });

  it("serves a request that would rather upgrade to something else as what it is, where Node asks", async () => {
    const asksServers =
      "shouldUpgradeCallback" in createServer({ shouldUpgradeCallback: () => false } as object);
    const server = await serve({ message() {}, request: (_, response) => response.end("ordinary") });
    const client = await RawClient.open({
      port: server.port,
      headers: {
        Upgrade: "h2c",
        Connection: "Upgrade, HTTP2-Settings, close",
        "HTTP2-Settings": "AAMAAABkAAQAAP__",
      },
    });
    assert.equal(client.status, asksServers ? 200 : 426);
    await client.gone;
    await server.shutdown();
  });

  it("answers a client that has ended its direction, over TCP and over TLS", async () => {
    const { key, cert, ca } = testCertificate();
    for (const tls of [undefined, { key, cert }]) {
      const server = await serve({
        ...(tls && { tls }),
        upgrade: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          return refuse(403, { body: "x".repeat(200_000) });
        },
      });
      const client = await RawClient.dial({ port: server.port, ca: tls && ca });
      client.ask();
      client.socket.end();
      await client.gone;
      await client.answered();
      assert.equal(client.status, 403);
      assert.equal(client.body.length, 200_000);
      await server.shutdown();
    }
  });

  it("takes a handshake behind ordinary requests on the same connection", async () => {
    const server = await serve({
      open: (socket) => void socket.send("hi"),
      request: (_, response) => response.end(),
    });
    const upgrade = httpRequest({ port: server.port, host: "127.0.0.1", method: "POST" });
    upgrade.end();
    const [response] = await once(upgrade, "response");
    response.resume();
    await once(response, "end");
    const client = await RawClient.dial({ port: server.port });
    client.socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    await once(client.socket, "data");
    client.ask();
    const [head] = await once(client.socket, "data");
    assert.match(String(head), /^HTTP\/1\.1 101 /);
    await client.destroy();
    await server.shutdown();
  });

  it("answers a handshake with too many header fields, or too large ones, with 431", async () => {
    const server = await serve({ message() {}, maxHeaders: 10, maxHeaderBytes: 1_000 });
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`X-${i}`, "1"]));
    for (const headers of [many, { "X-Large": "x".repeat(1_000) }]) {
      const client = await RawClient.open({ port: server.port, headers });
      assert.equal(client.status, 431);
      await client.gone;
    }
    await server.shutdown();
  });

  it("takes a time for the handshake that is longer than what Node allows for a request", async () => {
    const server = await serve({ message() {}, handshakeTimeoutMs: 600_000 });
    await server.shutdown();
  });

  it("takes 0 for a handshake that may last, and refuses limits that Node cannot count with", async () => {
    const server = await serve({ message() {}, handshakeTimeoutMs: 0 });
    const client = await RawClient.dial({ port: server.port });
    await new Promise((resolve) => setTimeout(resolve, 150)); // longer than a tick of the clock
    client.ask();
    await client.answered();
    assert.equal(client.status, 101);
    await client.destroy();
    await server.shutdown();
    for (const name of ["handshakeTimeoutMs", "maxHeaderBytes", "maxHeaders"]) {
      await assert.rejects(
        serve({ message() {}, [name]: Infinity }),
        (error) => error instanceof UsageError && error.code === "INVALID_OPTION",
      );
    }
  });
});

describe("two servers attached to one HTTP server", () => {
  after(leakCheck());

  it("share its paths, and answer 404 where neither has an endpoint", async () => {
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    const { port } = http.address() as AddressInfo;
    const first = attach(http, { routes: { "/first": silent } });
    const second = attach(http, { routes: { "/second": silent } });
    for (const [path, status] of [
      ["/first", 101],
      ["/second", 101],
      ["/third", 404],
    ] as const) {
      const client = await RawClient.open({ port, path });
      assert.equal(client.status, status, path);
      await client.destroy();
    }
    await first.shutdown();
    const client = await RawClient.open({ port, path: "/first" });
    assert.equal(client.status, 404);
    await client.gone;
    await second.shutdown();
    http.close();
    await once(http, "close");
  });

  it("are refused where a path would have two answers, until the first is gone", async () => {
    const http = createServer();
    for (const [first, second] of [
      ["*", "*"],
      ["*", "/chat"],
      ["/chat", "/chat"],
      ["/rooms/:room", "/rooms/:id"],
      ["/rooms/:room", "/rooms/5"],
      ["/files/*", "/files"],
      ["/files/*", "/files/:year/:name"],
      ["/files/a/*", "/files/:name"],
      ["/:a/b", "/a/*"],
    ] as const) {
      for (const [taken, wanted] of [
        [first, second],
        [second, first],
      ] as const) {
        const there = attach(http, { routes: { "/other": silent, [taken]: silent } });
        assert.throws(() => attach(http, { routes: { [wanted]: silent } }), {
          name: "UsageError",
          code: "INVALID_OPTION",
        });
        assert.equal(http.listenerCount("upgrade"), 1);
        await there.shutdown();
        await attach(http, { routes: { [wanted]: silent } }).shutdown();
      }
    }
  });

  it("are refused without routes, and what was not attached takes nothing of its own down", async () => {
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    const { port } = http.address() as AddressInfo;
    const broker = memoryBroker();
    let goodbyes = 0;
    const shared = { ...silent, shutdown: () => void goodbyes++ };
    const server = attach(http, { ...shared, broker });
    assert.throws(() => attach(http, { ...shared, broker }), { code: "INVALID_OPTION" });
    const client = await RawClient.open({ port });
    assert.equal(client.status, 101);
    assert.equal(server.connections.size, 1);
    assert.equal(goodbyes, 0);
    await client.destroy();
    await server.shutdown();
    broker.close();
    http.close();
    await once(http, "close");
  });

  it("stand beside each other where no path has two answers", async () => {
    const http = createServer();
    for (const [first, second] of [
      ["/a", "/b"],
      ["/a", "/a/"],
      ["/rooms/:room", "/rooms/:room/files"],
      ["/rooms/:room", "/rooms/"],
      ["/rooms/:room", "/files/*"],
      ["/files/a/b/*", "/files/:name"],
    ] as const) {
      const servers = [first, second].map((path) => attach(http, { routes: { [path]: silent } }));
      await Promise.all(servers.map((server) => server.shutdown()));
    }
  });
});
