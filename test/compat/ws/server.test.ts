import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, request as httpRequest, type IncomingMessage } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { it, type TestContext } from "node:test";
import { testCertificate } from "../../support/certificate.js";
import { RawClient, textFrame } from "../../support/raw-client.js";
import { describeBoth, listening, next, pair, patiently } from "./implementations.js";

describeBoth("new WebSocketServer(options[, callback])", (api) => {
  it("throws unless exactly one of port, server and noServer is there", () => {
    const server = createServer();
    for (const options of [
      undefined,
      {},
      { port: 0, noServer: true },
      { server, noServer: true },
      { port: 0, server },
    ])
      assert.throws(() => new api.WebSocketServer(options), TypeError);
  });

  it("listens on a port of its own, calls the callback and says where", async (t) => {
    let calls = 0;
    const wss = new api.WebSocketServer({ port: 0, host: "127.0.0.1", backlog: 5 }, () => calls++);
    t.after(() => wss.close());
    await once(wss, "listening");
    assert.equal(calls, 1);
    const address = wss.address() as AddressInfo;
    assert.equal(address.address, "127.0.0.1");
    assert.ok(address.port > 0);
  });

  it("answers plain requests to its own port with 426", async (t) => {
    const { port } = await listening(t, api);
    const [response] = (await once(get({ port, host: "127.0.0.1" }), "response")) as [IncomingMessage];
    response.setEncoding("utf8");
    let body = "";
    for await (const piece of response) body += piece;
    assert.equal(response.statusCode, 426);
    assert.equal(body, "Upgrade Required");
    assert.equal(response.headers["content-type"], "text/plain");
  });

  it("emits error when the port is taken", async (t) => {
    const { port } = await listening(t, api);
    const second = new api.WebSocketServer({ port, host: "127.0.0.1" });
    const [error] = await next(second, "error");
    assert.equal((error as NodeJS.ErrnoException).code, "EADDRINUSE");
  });

  it("keeps its options, with the defaults filled in", () => {
    const { options } = new api.WebSocketServer({ noServer: true, perMessageDeflate: true });
    assert.equal(options.maxPayload, 104_857_600);
    assert.deepEqual(options.perMessageDeflate, {});
    assert.equal(options.clientTracking, true);
    assert.equal(options.WebSocket, api);
  });

  it("takes the upgrades of a server of http, and of https", async (t) => {
    const { key, cert, ca } = testCertificate();
    for (const server of [createServer(), createHttpsServer({ key, cert })]) {
      const wss = new api.WebSocketServer({ server: server as never });
      let isListening = false;
      wss.on("listening", () => {
        isListening = true;
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      assert.deepEqual(wss.address(), server.address());
      assert.ok(isListening);
      const isSecure = "setSecureContext" in server;
      wss.on("connection", (socket) => socket.on("message", (data) => socket.send(`got ${String(data)}`)));
      const client = new api(`${isSecure ? "wss" : "ws"}://localhost:${port}`, {
        ca,
        lookup: loopback,
      } as object);
      await next(client, "open");
      client.send("one");
      assert.equal(String((await next(client, "message"))[0]), "got one");
      client.close();
      await next(client, "close");
    }
  });

  it("takes only requests for its path, whatever their query", async (t) => {
    const { port } = await listening(t, api, { path: "/chat" });
    for (const [path, status] of [
      ["/chat", 101],
      ["/chat?a=b", 101],
      ["/chat/", 400],
      ["/", 400],
    ] as const) {
      const client = await RawClient.open({ port, path });
      assert.equal(client.status, status, path);
      await client.destroy();
    }
  });

  it("makes its connections of the class that it is given", async (t) => {
    class Custom extends api.WebSocket {
      greet(): void {
        this.send("hello");
      }
    }
    const { wss, url } = await listening(t, api, { WebSocket: Custom });
    wss.on("connection", (socket) => {
      assert.ok(socket instanceof Custom);
      socket.greet();
    });
    const client = new api(url);
    t.after(() => client.terminate());
    assert.equal(String((await next(client, "message"))[0]), "hello");
  });
});

describeBoth("clients and clientTracking", (api) => {
  it("tracks the connections until they are gone", async (t) => {
    const { wss, client, socket } = await pair(t, api);
    assert.deepEqual([...wss.clients], [socket]);
    client.close();
    await next(socket, "close");
    assert.equal(wss.clients.size, 0);
  });

  it("has no list without tracking", async (t) => {
    const { wss, url } = await listening(t, api, { clientTracking: false });
    assert.equal(wss.clients, undefined);
    const client = new api(url);
    await next(client, "open");
    client.close();
    await next(client, "close");
  });
});

describeBoth("handleProtocols", (api) => {
  it("is given the protocols in order and the request, and chooses", async (t) => {
    const seen: unknown[] = [];
    const server = {
      handleProtocols: (protocols: Set<string>, request: IncomingMessage) => {
        seen.push([...protocols], request.url);
        return "b";
      },
    };
    const { client, socket } = await pair(t, api, { server, protocols: ["a", "b"] });
    assert.deepEqual(seen, [["a", "b"], "/"]);
    assert.equal(client.protocol, "b");
    assert.equal(socket.protocol, "b");
  });

  it("is not asked without protocols; the first one is taken without it", async (t) => {
    const server = { handleProtocols: () => assert.fail("not to be called") };
    const { client } = await pair(t, api, { server });
    assert.equal(client.protocol, "");
    const other = await pair(t, api, { protocols: ["x", "y"] });
    assert.equal(other.client.protocol, "x");
  });

  it("sends no protocol when it returns false", async (t) => {
    const { url } = await listening(t, api, { handleProtocols: () => false });
    const client = new api(url, "a");
    const [error] = await next(client, "error");
    assert.equal((error as Error).message, "Server sent no subprotocol");
    await next(client, "close");
  });
});

describeBoth("verifyClient", (api) => {
  it("is told the origin, whether it is secure, and the request", async (t) => {
    let info: Record<string, unknown> = {};
    const verifyClient = (given: Record<string, unknown>): boolean => {
      info = given;
      return true;
    };
    await pair(t, api, { server: { verifyClient } as never, client: { origin: "https://example.com" } });
    assert.equal(info["origin"], "https://example.com");
    assert.equal(info["secure"], false);
    assert.equal((info["req"] as IncomingMessage).url, "/");
  });

  it("refuses with 401 when it returns false", async (t) => {
    const { port, wss } = await listening(t, api, { verifyClient: () => false });
    wss.on("connection", () => assert.fail("refused"));
    const client = await RawClient.open({ port });
    assert.equal(client.status, 401);
    assert.equal(client.body, "Unauthorized");
    assert.equal(client.header("Connection"), "close");
    await client.gone;
  });

  it("answers later by its callback", async (t) => {
    const { port } = await listening(t, api, {
      verifyClient: ({ req }: { req: IncomingMessage }, done: (...values: unknown[]) => void) =>
        setImmediate(() =>
          req.url === "/yes" ? done(true) : done(false, 404, "no such thing", { "X-Why": "so" }),
        ),
    });
    const accepted = await RawClient.open({ port, path: "/yes" });
    assert.equal(accepted.status, 101);
    await accepted.destroy();
    const refused = await RawClient.open({ port, path: "/no" });
    assert.equal(refused.status, 404);
    assert.equal(refused.body, "no such thing");
    assert.equal(refused.header("X-Why"), "so");
    await refused.gone;
  });

  for (const message of ["", null, 0, undefined]) {
    it(`answers with the words of the status where the message is ${JSON.stringify(message)}`, async (t) => {
      const { port } = await listening(t, api, {
        verifyClient: (_info: unknown, done: (...values: unknown[]) => void) =>
          done(false, 403, message, null),
      });
      const refused = await RawClient.open({ port });
      assert.equal(refused.status, 403);
      assert.equal(refused.body, "Forbidden");
      assert.equal(refused.header("Content-Length"), "9");
      await refused.gone;
    });
  }

  it("drops nobody's frames that come before its answer", async (t) => {
    const { port, wss } = await listening(t, api, {
      verifyClient: (_info: unknown, done: (isVerified: boolean) => void) => setImmediate(done, true),
    });
    const message = new Promise((resolve) => {
      wss.on("connection", (socket) => socket.on("message", (data) => resolve(String(data))));
    });
    const client = await RawClient.open({ port, firstBytes: textFrame("early") });
    assert.equal(await patiently(message, "the message"), "early");
    await client.destroy();
  });
});

describeBoth("a program that listens to the stream itself", (api) => {
  it("is told of its data where it listens before the handshake", async (t) => {
    const http = createServer();
    const wss = new api.WebSocketServer({ noServer: true });
    let byteLength = 0;
    http.on("upgrade", (request, socket, head) => {
      socket.on("data", (chunk: Buffer) => {
        byteLength += chunk.length;
      });
      socket.pause();
      wss.handleUpgrade(request, socket, head, (one) => {
        one.on("message", (data) => one.send(data));
        socket.resume();
      });
    });
    t.after(() => http.close());
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const client = await RawClient.open({ port: (http.address() as AddressInfo).port });
    client.send(textFrame("text"));
    assert.equal(await client.nextText(), "text");
    assert.equal(byteLength, 10);
    await client.destroy();
  });
});

describeBoth("events of a server", (api) => {
  it("headers: the answer can be changed before it leaves", async (t) => {
    const { port, wss } = await listening(t, api);
    wss.on("headers", (headers, request) => {
      assert.equal(headers[0], "HTTP/1.1 101 Switching Protocols");
      headers.push(`Set-Cookie: path=${request.url}`);
    });
    const client = await RawClient.open({ port, path: "/a" });
    assert.equal(client.header("Set-Cookie"), "path=/a");
    await client.destroy();
  });

  it("connection: the socket is open, and has its request", async (t) => {
    const { socket, request } = await pair(t, api);
    assert.equal(socket.readyState, api.OPEN);
    assert.equal(request.headers.upgrade, "websocket");
    assert.equal(socket.url, undefined);
  });

  it("wsClientError: a bad request is left to the listener", async (t) => {
    const { port, wss } = await listening(t, api);
    wss.on("wsClientError", (error, socket: Duplex, request) => {
      assert.equal(error.message, "Missing or invalid Sec-WebSocket-Key header");
      assert.equal(request.url, "/x");
      socket.end("HTTP/1.1 418 I'm a teapot\r\nConnection: close\r\n\r\nmine");
    });
    const client = await RawClient.open({ port, path: "/x", headers: { "Sec-WebSocket-Key": "short" } });
    assert.equal(client.status, 418);
    assert.equal(client.body, "mine");
    await client.gone;
  });
});

describeBoth("what is refused", (api) => {
  const cases: readonly (readonly [string, Record<string, string>, string])[] = [
    [
      "a key that is not 16 bytes",
      { "Sec-WebSocket-Key": "AAAA" },
      "Missing or invalid Sec-WebSocket-Key header",
    ],
    ["version 12", { "Sec-WebSocket-Version": "12" }, "Missing or invalid Sec-WebSocket-Version header"],
    ["another upgrade", { Upgrade: "h2c" }, "Invalid Upgrade header"],
    ["a protocol twice", { "Sec-WebSocket-Protocol": "a, a" }, "Invalid Sec-WebSocket-Protocol header"],
    ["an empty protocol", { "Sec-WebSocket-Protocol": "a,,b" }, "Invalid Sec-WebSocket-Protocol header"],
  ];
  for (const [title, headers, message] of cases) {
    it(title, async (t) => {
      const { port } = await listening(t, api);
      const client = await RawClient.open({ port, headers });
      assert.equal(client.status, 400);
      assert.equal(client.body, message);
      if (title === "version 12") assert.equal(client.header("Sec-WebSocket-Version"), "13, 8");
      await client.gone;
    });
  }

  it("a method but GET", async (t) => {
    const { port } = await listening(t, api);
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
    };
    const request = httpRequest({ port, host: "127.0.0.1", method: "POST", headers });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 405);
  });

  it("offers of permessage-deflate that are malformed or cannot be met", async (t) => {
    const { port } = await listening(t, api, { perMessageDeflate: true });
    for (const value of [
      "permessage-deflate; unknown",
      "permessage-deflate; server_max_window_bits=7",
      "a=b",
    ]) {
      const client = await RawClient.open({ port, headers: { "Sec-WebSocket-Extensions": value } });
      assert.equal(client.status, 400, value);
      assert.equal(client.body, "Invalid or unacceptable Sec-WebSocket-Extensions header");
      await client.gone;
    }
  });

  it("everybody while it closes", async (t) => {
    const server = createServer();
    const wss = new api.WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      wss.close();
      wss.handleUpgrade(request, socket, head, () => assert.fail("closed"));
    });
    const port = await portOf(t, server);
    const client = await RawClient.open({ port });
    assert.equal(client.status, 503);
    await client.gone;
  });
});

describeBoth("server.handleUpgrade(request, socket, head, callback)", (api) => {
  it("shares one server between several, by path", async (t) => {
    const server = createServer();
    const [a, b] = [new api.WebSocketServer({ noServer: true }), new api.WebSocketServer({ noServer: true })];
    for (const [wss, name] of [
      [a, "a"],
      [b, "b"],
    ] as const)
      wss.on("connection", (socket) => socket.send(name));
    server.on("upgrade", (request, socket, head) => {
      const wss = request.url === "/a" ? a : b;
      wss.handleUpgrade(request, socket, head, (client) => wss.emit("connection", client, request));
    });
    const port = await portOf(t, server);
    for (const name of ["a", "b"]) {
      const client = new api(`ws://127.0.0.1:${port}/${name}`);
      assert.equal(String((await next(client, "message"))[0]), name);
      client.terminate();
    }
  });

  it("throws for a socket that is a WebSocket already", async (t) => {
    const server = createServer();
    const wss = new api.WebSocketServer({ noServer: true });
    const thrown = new Promise((resolve) => {
      server.on("upgrade", (request, socket, head) => {
        wss.handleUpgrade(request, socket, head, (client) => {
          client.on("error", () => {});
          try {
            wss.handleUpgrade(request, socket, head, () => {});
          } catch (error) {
            resolve(error);
          }
          client.terminate();
        });
      });
    });
    const client = await RawClient.open({ port: await portOf(t, server) });
    assert.match(String(await patiently(thrown, "the error")), /handleUpgrade\(\) was called more than once/);
    await client.gone;
  });

  it("uses shouldHandle, which may be overridden", async (t) => {
    const { port, wss } = await listening(t, api);
    wss.shouldHandle = (request) => request.url === "/in";
    for (const [path, status] of [
      ["/in", 101],
      ["/out", 400],
    ] as const) {
      const client = await RawClient.open({ port, path });
      assert.equal(client.status, status);
      await client.destroy();
    }
  });

  it("destroys a socket whose client is gone", async (t) => {
    const server = createServer();
    const wss = new api.WebSocketServer({ noServer: true });
    const destroyed = new Promise<boolean>((resolve) => {
      server.on("upgrade", (request, socket: Socket, head) => {
        socket.on("end", () => {
          wss.handleUpgrade(request, socket, head, () => assert.fail("it is gone"));
          resolve(socket.destroyed);
        });
        socket.resume();
      });
    });
    const client = await RawClient.dial({ port: await portOf(t, server) });
    client.ask();
    client.socket.end();
    assert.equal(await patiently(destroyed, "the end"), true);
  });

  it("throws for address() without a server", () => {
    assert.throws(() => new api.WebSocketServer({ noServer: true }).address(), /"noServer" mode/);
  });
});

describeBoth("server.close([callback])", (api) => {
  it("closes no connection, and tells when the last one is gone", async (t) => {
    const { wss, client, socket } = await pair(t, api);
    let isClosed = false;
    const closed = new Promise<unknown>((resolve) =>
      wss.close((error) => {
        isClosed = true;
        resolve(error);
      }),
    );
    client.send("still there");
    assert.equal(String((await next(socket, "message"))[0]), "still there");
    assert.equal(isClosed, false);
    assert.equal(wss.address(), null);
    client.close();
    assert.equal(await patiently(closed, "close"), undefined);
  });

  it("leaves a server that it was given alone but for its listeners", async (t) => {
    const server = createServer();
    const before = server.listenerCount("upgrade");
    const wss = new api.WebSocketServer({ server });
    await portOf(t, server);
    wss.close();
    await next(wss, "close");
    assert.equal(server.listening, true);
    assert.equal(server.listenerCount("upgrade"), before);
  });

  it("waits for the tracked connections of a server that it was given", async (t) => {
    const server = createServer();
    const wss = new api.WebSocketServer({ server });
    const port = await portOf(t, server);
    const client = new api(`ws://127.0.0.1:${port}`);
    await next(client, "open");
    const isGone = next(client, "close");
    let isClosed = false;
    const closed = next(wss, "close").then(() => {
      isClosed = true;
    });
    wss.close();
    await new Promise(setImmediate);
    assert.equal(isClosed, false);
    for (const one of wss.clients) one.close();
    await Promise.all([isGone, closed]);
  });

  it("gives an error to the callback the second time", async () => {
    const wss = new api.WebSocketServer({ noServer: true });
    wss.close();
    await next(wss, "close");
    const error = await patiently(new Promise((resolve) => wss.close(resolve)), "close");
    assert.equal((error as Error).message, "The server is not running");
  });
});

async function portOf(t: TestContext, server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

type LookupDone = (
  error: null,
  address: string | { address: string; family: number }[],
  family?: number,
) => void;

function loopback(_host: string, { all }: { all?: boolean }, done: LookupDone): void {
  if (all === true) done(null, [{ address: "127.0.0.1", family: 4 }]);
  else done(null, "127.0.0.1", 4);
}
