import assert from "node:assert/strict";
import { Agent, createServer as createHttpServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ConnectError, connect } from "hawser/client";
import {
  attach,
  eventHandlers,
  type FetchEnvironment,
  type FetchHandler,
  fetchEndpoint,
  type ListeningServer,
  type ServeOptions,
  serve,
  upgradeWebSocket,
} from "hawser/server";
import { Http2Client } from "../support/http2-client.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient } from "../support/raw-client.js";
import { until } from "../support/until.js";
import { warnings } from "../support/warnings.js";
import { withTimeout } from "../support/with-timeout.js";

async function start(
  t: TestContext,
  handler: FetchHandler,
  options: ServeOptions = {},
): Promise<ListeningServer & { readonly http: string }> {
  const server = await serve({ pingIntervalMs: 0, ...options, ...fetchEndpoint(handler) });
  t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
  return Object.assign(server, { http: server.url.replace("ws:", "http:") });
}

const echo: FetchHandler = (request) =>
  upgradeWebSocket(request, { message: (socket, data) => void socket.send(data) });

async function refusal(url: string, options?: Parameters<typeof connect>[1]): Promise<ConnectError> {
  const socket = await connect(url, options).catch((error: ConnectError) => error);
  assert.ok(socket instanceof Error);
  return socket;
}

describe("fetchEndpoint: opening handshakes", () => {
  after(leakCheck());

  it("are requests with URL, header fields and address, and become connections with their own handlers", async (t) => {
    const seen: [Request, FetchEnvironment][] = [];
    const server = await start(t, (request, environment) => {
      seen.push([request, environment]);
      const { searchParams } = new URL(request.url);
      return upgradeWebSocket(
        request,
        { open: (socket) => void socket.send(`hello ${socket.data.name}`) },
        { data: { name: searchParams.get("name") } },
      );
    });
    for (const name of ["Ada", "Bob"]) {
      const socket = await connect(`${server.url}/a%20b?name=${name}`, { headers: { "x-one": "1" } });
      for await (const message of socket) {
        assert.equal(message, `hello ${name}`);
        break;
      }
      await socket.close();
    }
    const [request, environment] = seen[0]!;
    assert.equal(request.url, `${server.http}/a%20b?name=Ada`);
    assert.equal(request.method, "GET");
    assert.equal(request.headers.get("x-one"), "1");
    assert.deepEqual(environment, { incoming: undefined, outgoing: undefined, remoteAddress: "127.0.0.1" });
  });

  it("are refused with 400 where the `Host` is none to the web, without a warning", async (t) => {
    using seen = warnings();
    const server = await start(t, () => assert.fail("it is asked"));
    for (const Host of ["999.999.999.999", "a%00b", "[::1::2]"]) {
      const client = await RawClient.open({ port: Number(new URL(server.http).port), headers: { Host } });
      assert.equal(client.status, 400, Host);
      await client.destroy();
    }
    assert.deepEqual(seen.messages, []);
  });

  it("may be answered later, by messageChunk, and without a message handler", async (t) => {
    const taken = new Inbox<unknown>("message");
    const server = await start(t, async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (request.url.endsWith("/chunks")) {
        return upgradeWebSocket(request, {
          messageChunk: (_socket, data, _isBinary, isLast) => taken.push([String(data), isLast]),
        });
      }
      return upgradeWebSocket(request, {
        async open(socket) {
          for await (const message of socket) taken.push(message);
        },
      });
    });
    const chunks = await connect(`${server.url}/chunks`);
    const writer = chunks.startMessage({ binary: false });
    writer.write("one");
    await until(() => taken.size > 0, "a chunk");
    writer.end("two");
    assert.deepEqual(
      [await taken.next(), await taken.next()],
      [
        ["one", false],
        ["two", true],
      ],
    );
    const pulled = await connect(server.url);
    pulled.send("three");
    assert.equal(await taken.next(), "three");
    await Promise.all([chunks.close(), pulled.close()]);
  });

  it("take header fields and the subprotocol from the response that comes out in the end", async (t) => {
    const server = await start(
      t,
      (request) => {
        const response = upgradeWebSocket(request, {}, { headers: ["x-own", "1", "x-own", "2"] });
        // As middleware does it.
        const headers = new Headers(response.headers);
        headers.append("set-cookie", "a=1");
        headers.append("set-cookie", "b=2");
        headers.set("content-type", "text/plain");
        headers.set("connection", "close");
        if (request.url.endsWith("/b")) headers.set("sec-websocket-protocol", "b");
        return new Response(response.body, { headers });
      },
      { protocols: ["a"] },
    );
    for (const [path, protocol] of [
      ["/", "a"],
      ["/b", "b"],
    ]) {
      const socket = await connect(`${server.url}${path}`, { protocols: ["b", "a"] });
      assert.equal(socket.protocol, protocol);
      const { headers } = socket.response;
      assert.deepEqual(headers.getAll("set-cookie"), ["a=1", "b=2"]);
      assert.deepEqual(headers.getAll("x-own"), ["1", "2"]);
      assert.equal(headers.has("content-type"), false);
      await socket.close();
    }
  });

  it("are refused by every other response, with its fields and its bytes", async (t) => {
    const bytes = Uint8Array.of(0, 255, 128);
    const server = await start(t, (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/403") return new Response(bytes, { status: 403, headers: { "x-why": "me" } });
      if (pathname === "/302") return new Response(null, { status: 302, headers: { location: "/x" } });
      if (pathname === "/late") {
        upgradeWebSocket(request, {});
        return new Response("second thoughts", { status: 401 });
      }
      return new Response("a page", { status: pathname === "/304" ? 500 : 200 });
    });
    const client = await RawClient.open({ port: server.port, path: "/403" });
    assert.equal(client.status, 403);
    await client.destroy();
    const error = await refusal(`${server.url}/403`);
    assert.ok(error.headers?.includes("x-why"));
    assert.equal((await refusal(`${server.url}/302`)).status, 302);
    assert.equal((await refusal(`${server.url}/late`)).status, 401);
    assert.equal((await refusal(server.url)).status, 404, "a page is no WebSocket");
  });

  it("come to the handler only if they are valid and of an allowed origin", async (t) => {
    let called = 0;
    const server = await start(t, (request, environment) => {
      called++;
      return echo(request, environment);
    });
    const foreign = await refusal(server.url, { origin: "https://evil.example" });
    assert.equal(foreign.status, 403);
    const client = await RawClient.open({ port: server.port, headers: { "Sec-WebSocket-Version": "8" } });
    assert.equal(client.status, 426);
    await client.destroy();
    assert.equal(called, 0);
  });

  it("get 500 when the handler throws or answers nonsense, and the process a warning", async (t) => {
    using warned = warnings();
    const failures: FetchHandler[] = [
      () => {
        throw new Error("broken handler");
      },
      async () => {
        throw new Error("broken promise");
      },
      () => undefined as never,
      (request) => upgradeWebSocket(request, {}, { protocol: "never offered" }),
      (request) => upgradeWebSocket(request, {}, { headers: { "bad name": "" } }),
    ];
    for (const handler of failures) {
      const server = await start(t, handler);
      assert.equal((await refusal(server.url)).status, 500);
    }
    await until(() => warned.messages.length >= failures.length, "the warnings");
  });

  it("work beside another HTTP server, and among routes", async (t) => {
    const http = createHttpServer((_request, response) => response.end("theirs"));
    const incoming: unknown[] = [];
    const sockets = attach(http, {
      routes: {
        "/web/*": fetchEndpoint((request, environment) => {
          incoming.push(environment.incoming?.url);
          return echo(request, environment);
        }),
        "/plain": { open: (socket) => void socket.close(3000) },
      },
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    t.after(async () => {
      await sockets.shutdown();
      http.close();
    });
    const { port } = http.address() as AddressInfo;
    const web = await connect(`ws://127.0.0.1:${port}/web/x`);
    web.send("hi");
    for await (const message of web) {
      assert.equal(message, "hi");
      break;
    }
    await web.close();
    assert.deepEqual(incoming, ["/web/x"]);
    assert.equal((await (await connect(`ws://127.0.0.1:${port}/plain`)).closed).code, 3000);
  });
});

describe("fetchEndpoint: ordinary requests", () => {
  after(leakCheck());

  it("go to the handler with method, fields and body, and its response comes back", async (t) => {
    const server = await start(t, async (request, { outgoing }) => {
      assert.ok(outgoing !== undefined);
      if (request.method === "HEAD") return new Response("not sent", { headers: { "x-head": "1" } });
      const text = await request.text();
      return new Response(`${request.method} ${text.length} ${request.headers.get("x-one")}`, {
        status: 201,
        statusText: "Made",
        headers: [
          ["set-cookie", "a=1"],
          ["set-cookie", "b=2"],
        ],
      });
    });
    const init = { method: "POST", headers: { "x-one": "1" }, body: "x".repeat(300_000) };
    const response = await fetch(server.http, init);
    assert.equal(await response.text(), "POST 300000 1");
    assert.deepEqual([response.status, response.statusText], [201, "Made"]);
    assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
    const head = await fetch(server.http, { method: "HEAD" });
    assert.equal(head.headers.get("x-head"), "1");
  });

  it("go to the handler over HTTP/2 as well, and nothing about a connection comes back with its response", async (t) => {
    using seen = warnings();
    const fields = { connection: "keep-alive", "keep-alive": "timeout=5", "x-one": "1" };
    const server = await start(
      t,
      async (request, environment) => {
        if (new URL(request.url).pathname === "/socket") return echo(request, environment);
        const text = `${request.method} ${request.url} ${request.body === null} ${await request.text()}`;
        return new Response(text, { status: 201, statusText: "Made", headers: fields });
      },
      { http2: true },
    );
    const client = await Http2Client.connect(server.port);
    const origin = `http://localhost:${server.port}`;
    const got = await client.get("/a?b=1");
    assert.deepEqual(got, { status: 201, body: `GET ${origin}/a?b=1 true ` });
    const posted = client.session.request({ ":method": "POST", ":path": "/" });
    posted.end("a body");
    let body = "";
    for await (const chunk of posted) body += String(chunk);
    assert.equal(body, `POST ${origin}/ false a body`);
    assert.equal((await client.get("/socket")).status, 426);
    await client.destroy();
    assert.deepEqual(seen.messages, []);
  });

  it("leave their connection to the next one where nobody reads their body", async (t) => {
    const server = await start(t, async ({ method }) => {
      await delay(20); // by then some of the body is there
      return new Response(method);
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answer = (method: string, body: Buffer): Promise<string> =>
      new Promise((resolve, reject) => {
        const request = httpRequest({ port: server.port, host: "127.0.0.1", agent, method }, (response) => {
          response.on("data", (chunk) => resolve(String(chunk)));
        });
        request.on("error", reject);
        request.setHeader("content-length", body.length);
        request.end(body);
      });
    // More than the buffers of two sockets hold.
    assert.equal(await answer("POST", Buffer.alloc(20_000_000)), "POST");
    // Before Node ends what is idle for 5 s, and the client has to begin anew.
    assert.equal(await withTimeout(answer("GET", Buffer.alloc(0)), 3_000, "the next answer"), "GET");
    agent.destroy();
  });

  it("stream both ways", async (t) => {
    const server = await start(t, ({ body }) => new Response(body?.pipeThrough(new TransformStream())));
    const { port } = server;
    const answer = await new Promise<string>((resolve, reject) => {
      const request = httpRequest({ port, host: "127.0.0.1", method: "PUT" }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => {
          text += chunk;
          // Only now: what was sent has come back before the body has ended.
          if (text === "first") request.end(" second");
        });
        response.on("end", () => resolve(text));
      });
      request.on("error", reject);
      request.write("first");
    });
    assert.equal(answer, "first second");
  });

  it("get 426 from upgradeWebSocket", async (t) => {
    const server = await start(t, echo);
    const response = await fetch(server.http);
    assert.equal(response.status, 426);
    assert.equal(response.headers.get("upgrade"), "websocket");
    await response.text();
  });

  it("get 400 for what is no Request, and 500 when the handler fails", async (t) => {
    using warned = warnings();
    const server = await start(t, () => {
      throw new Error("broken handler");
    });
    const status = (options: object): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const request = httpRequest({ port: server.port, host: "127.0.0.1", ...options }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on("error", reject);
        request.end();
      });
    assert.equal(await status({ headers: { host: "a b" } }), 400);
    assert.equal(await status({ path: "*" }), 400);
    assert.equal(await status({ method: "TRACE" }), 400);
    assert.equal(await status({}), 500);
    await until(() => warned.messages.some((text) => text.includes("broken handler")), "a warning");
  });

  it("are cut where the body of a response fails, and the process gets a warning", async (t) => {
    using warned = warnings();
    const server = await start(t, () => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("begun")),
        pull: (controller) => controller.error(new Error("broken body")),
      });
      return new Response(body);
    });
    await assert.rejects(async () => (await fetch(server.http)).text());
    await until(() => warned.messages.includes("broken body"), "a warning");
    assert.equal(warned.messages.length, 1);
  });

  it("may be left in the middle of their body, or of the answer, whether it is read or not", async (t) => {
    using warned = warnings();
    const seen = new Inbox<string>("request");
    const gone = new Inbox<string>("abort");
    const server = await start(t, async (request) => {
      const { pathname } = new URL(request.url);
      request.signal.addEventListener("abort", () => gone.push(pathname));
      seen.push(pathname);
      if (pathname === "/read") await request.text();
      if (pathname === "/answer") return new Response(new ReadableStream({ pull: endless }));
      return new Promise<Response>(() => {});
    });
    const endless = (controller: ReadableStreamDefaultController): void =>
      controller.enqueue(new Uint8Array(65_536));
    for (const path of ["/read", "/unread", "/answer"]) {
      const request = httpRequest({ port: server.port, host: "127.0.0.1", method: "POST", path });
      request.on("error", () => {});
      request.on("response", (response) => response.on("error", () => {}));
      request.write("begun");
      assert.equal(await seen.next(), path);
      request.destroy();
      assert.equal(await gone.next(), path);
    }
    assert.deepEqual(warned.messages, []);
  });

  it("abort their signal when the client is gone", async (t) => {
    const aborted = new Inbox<string>("abort");
    const seen = new Inbox<string>("request");
    const server = await start(t, (request) => {
      seen.push(request.url);
      request.signal.addEventListener("abort", () => aborted.push("gone"));
      return new Promise<Response>(() => {});
    });
    const controller = new AbortController();
    const response = fetch(server.http, { signal: controller.signal });
    await seen.next();
    controller.abort();
    await assert.rejects(response);
    assert.equal(await aborted.next(), "gone");
  });
});

describe("eventHandlers", () => {
  after(leakCheck());

  it("call handlers of events with one socket for a connection", async (t) => {
    const seen: unknown[] = [];
    const sockets = new Set<unknown>();
    const server = await start(
      t,
      (request) =>
        upgradeWebSocket(
          request,
          eventHandlers({
            onOpen(event, socket) {
              sockets.add(socket);
              seen.push(event.type, socket.readyState, socket.url?.pathname, socket.protocol);
            },
            onMessage(event, socket) {
              sockets.add(socket);
              socket.send(
                event.data instanceof ArrayBuffer ? new Uint8Array(event.data) : `text ${event.data}`,
              );
              if (event.data === "blob") socket.binaryType = "blob";
              if (event.data instanceof Blob) socket.close(3001, "blob");
            },
            onClose(event, socket) {
              sockets.add(socket);
              seen.push(event.type, event.code, event.wasClean, socket.readyState);
            },
          }),
        ),
      { protocols: ["p"] },
    );
    const socket = await connect(`${server.url}/path`, { protocols: ["p"] });
    const messages = socket[Symbol.asyncIterator]();
    socket.send("one");
    assert.equal((await messages.next()).value, "text one");
    socket.send(Buffer.of(1, 2));
    assert.deepEqual((await messages.next()).value, Buffer.of(1, 2));
    socket.send("blob");
    assert.equal((await messages.next()).value, "text blob");
    socket.send(Buffer.of(3));
    const { code, reason } = await socket.closed;
    assert.deepEqual([code, reason], [3001, "blob"]);
    await until(() => seen.length === 8, "onClose");
    assert.deepEqual(seen, ["open", 1, "/path", "p", "close", 3001, true, 3]);
    assert.equal(sockets.size, 1);
  });

  it("tell onError what went wrong, and close for a handler that throws", async (t) => {
    using warned = warnings();
    const errors = new Inbox<string>("error");
    const server = await start(t, (request) =>
      upgradeWebSocket(
        request,
        eventHandlers({
          onMessage: async () => {
            throw new Error("broken listener");
          },
          onError: (event) => errors.push(event.error.code),
        }),
      ),
    );
    const socket = await connect(server.url);
    socket.send("x");
    assert.equal((await socket.closed).code, 1011);
    assert.equal(await errors.next(), "HANDLER_ERROR");
    await until(() => warned.messages.some((text) => text.includes("broken listener")), "a warning");
    const rude = await connect(server.url);
    rude.terminate();
    assert.equal(await errors.next(), "CONNECTION_LOST");
  });
});
