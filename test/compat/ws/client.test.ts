import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, type Server as HttpServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { type Client, describeBoth, listening, next, pair, patiently } from "./implementations.js";
import { acceptKeyOf, rawServer } from "./raw-opening.js";

describeBoth("new WebSocket(address[, protocols][, options])", (api) => {
  it("throws for what is no URL, or not one of a WebSocket", () => {
    for (const address of ["", "ws", "ftp://a", "ws://a#b", "ws+unix:"])
      assert.throws(() => new api(address), SyntaxError, address);
  });

  it("throws for protocols that are no tokens, or twice", () => {
    for (const protocols of ["", "a b", ["a", "a"], ["a", ""], [1 as never]])
      assert.throws(() => new api("ws://127.0.0.1:1", protocols), {
        name: "SyntaxError",
        message: "An invalid or duplicated subprotocol was specified",
      });
  });

  it("throws for another version of the protocol", () => {
    assert.throws(() => new api("ws://127.0.0.1:1", { protocolVersion: 12 }), {
      name: "RangeError",
      message: "Unsupported protocol version: 12 (supported versions: 8, 13)",
    });
  });

  it("takes a URL object, http: for ws:, and options in place of the protocols", async (t) => {
    const { url, wss } = await listening(t, api);
    for (const address of [new URL(url), url.replace("ws:", "http:")]) {
      const connection = next(wss, "connection");
      const client = new api(address, { headers: { "X-A": "b" }, perMessageDeflate: false });
      assert.equal(client.url, `${url}/`);
      const [, request] = (await connection) as [unknown, IncomingMessage];
      assert.equal(request.headers["x-a"], "b");
      assert.equal(request.headers["sec-websocket-extensions"], undefined);
      endWith(t, client);
    }
  });

  it("sends what RFC 6455 asks for, origin, protocols and credentials", async (t) => {
    const { request } = await pair(t, api, {
      protocols: ["a", "b"],
      client: { origin: "https://o", auth: "u:p" },
    });
    const { headers } = request;
    assert.equal(headers.upgrade, "websocket");
    assert.equal(headers.connection, "Upgrade");
    assert.equal(headers["sec-websocket-version"], "13");
    assert.equal(Buffer.from(headers["sec-websocket-key"]!, "base64").length, 16);
    assert.equal(headers["sec-websocket-protocol"], "a,b");
    assert.equal(headers["sec-websocket-extensions"], "permessage-deflate; client_max_window_bits");
    assert.equal(headers.origin, "https://o");
    assert.equal(headers.authorization, `Basic ${Buffer.from("u:p").toString("base64")}`);
  });

  it("takes credentials from the URL", async (t) => {
    const { url, wss } = await listening(t, api);
    const connection = next(wss, "connection");
    const client = new api(url.replace("//", "//us%20er:pass@"));
    endWith(t, client);
    const [, request] = (await connection) as [unknown, IncomingMessage];
    assert.equal(request.headers.authorization, `Basic ${Buffer.from("us er:pass").toString("base64")}`);
  });

  it("speaks version 8, with its header for the origin", async (t) => {
    const { request, client, socket } = await pair(t, api, {
      client: { protocolVersion: 8, origin: "https://o" },
    });
    assert.equal(request.headers["sec-websocket-version"], "8");
    assert.equal(request.headers["sec-websocket-origin"], "https://o");
    assert.equal(request.headers.origin, undefined);
    const message = next(client, "message");
    socket.send("hi");
    await message;
  });

  it("gives the request to finishRequest, which ends it", async (t) => {
    const { request } = await pair(t, api, {
      client: {
        finishRequest: (outgoing: import("node:http").ClientRequest, socket: unknown) => {
          assert.ok(socket instanceof api);
          outgoing.setHeader("X-Late", "yes");
          setImmediate(() => outgoing.end());
        },
      },
    });
    assert.equal(request.headers["x-late"], "yes");
  });

  it("connects by createConnection, and by an agent", async (t) => {
    let calls = 0;
    const { client } = await pair(t, api, {
      client: {
        createConnection: ({ port, host }: { port: number; host: string }) => {
          calls++;
          return connect({ port, host });
        },
      },
    });
    assert.equal(calls, 1);
    client.close();
    class CountingAgent extends Agent {
      // biome-ignore lint/suspicious/noExplicitAny: what the types of an agent do not tell
      override createConnection(...values: any[]): any {
        calls++;
        return (
          Agent.prototype as unknown as { createConnection(...values: unknown[]): unknown }
        ).createConnection.apply(this, values);
      }
    }
    await pair(t, api, { client: { agent: new CountingAgent() } });
    assert.equal(calls, 2);
  });

  it("masks with what generateMask fills in", async (t) => {
    let calls = 0;
    const { client, socket } = await pair(t, api, {
      client: {
        generateMask: (mask: Buffer) => {
          calls++;
          mask.set([1, 2, 3, 4]);
        },
      },
    });
    const messages = next(socket, "message");
    client.send("masked");
    assert.equal(String((await messages)[0]), "masked");
    assert.equal(calls, 1);
  });

  it("gives up behind handshakeTimeout", async (t) => {
    const server = await rawServer(t, () => {});
    const client = new api(server.url, { handshakeTimeout: 20 });
    const closed = next(client, "close");
    const [error] = await next(client, "error");
    assert.equal((error as Error).message, "Opening handshake has timed out");
    assert.equal((await closed)[0], 1006);
  });

  it("emits upgrade with the answer", async (t) => {
    const { url } = await listening(t, api);
    const client = new api(url);
    endWith(t, client);
    const opened = next(client, "open");
    const [response] = (await next(client, "upgrade")) as [IncomingMessage];
    assert.equal(response.statusCode, 101);
    await opened;
  });

  it("may be closed in upgrade", async (t) => {
    const { url } = await listening(t, api);
    const client = new api(url);
    client.on("open", () => assert.fail("it was closed"));
    client.on("upgrade", () => client.close());
    const closed = next(client, "close");
    await next(client, "error");
    await closed;
  });

  it("hands out what comes with the answer", async (t) => {
    const server = await rawServer(t, (socket, key) => {
      socket.write(`${answer(key)}\r\n\r\n`);
      socket.write(Buffer.from([0x81, 2, 0x68, 0x69]));
    });
    const joined = await rawServer(t, (socket, key) =>
      socket.write(
        Buffer.concat([Buffer.from(`${answer(key)}\r\n\r\n`), Buffer.from([0x81, 2, 0x68, 0x69])]),
      ),
    );
    for (const { url } of [server, joined]) {
      const client = new api(url);
      const opened: string[] = [];
      client.on("open", () => opened.push("open"));
      assert.equal(String((await next(client, "message"))[0]), "hi");
      assert.deepEqual(opened, ["open"]);
      client.terminate();
    }
  });
});

describeBoth("IPC connections", (api) => {
  it("ws+unix: with and without a path", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "hawser-ws-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "socket");
    const server = createServer();
    const wss = new api.WebSocketServer({ server });
    server.listen(path);
    await once(server, "listening");
    t.after(() => server.close());
    assert.equal(wss.address(), path);
    for (const [url, expected] of [
      [`ws+unix:${path}`, "/"],
      [`ws+unix:${path}:/a?b=c`, "/a?b=c"],
    ] as const) {
      const connection = next(wss, "connection");
      const client = new api(url);
      const [, request] = (await connection) as [unknown, IncomingMessage];
      assert.equal(request.url, expected);
      const closed = next(client, "close");
      await next(client, "open");
      client.close();
      await closed;
    }
  });
});

describeBoth("answers that are refused", (api) => {
  const cases: readonly (readonly [string, (key: string) => string, object, string[]])[] = [
    ["Invalid Upgrade header", (key) => answer(key).replace("websocket", "foo"), {}, []],
    ["Invalid Sec-WebSocket-Accept header", () => answer("another"), {}, []],
    [
      "Server sent a subprotocol but none was requested",
      (key) => `${answer(key)}\r\nSec-WebSocket-Protocol: a`,
      {},
      [],
    ],
    ["Server sent an invalid subprotocol", (key) => `${answer(key)}\r\nSec-WebSocket-Protocol: a`, {}, ["b"]],
    ["Server sent no subprotocol", answer, {}, ["b"]],
    [
      "Server sent a Sec-WebSocket-Extensions header but no extension was requested",
      (key) => `${answer(key)}\r\nSec-WebSocket-Extensions: permessage-deflate`,
      { perMessageDeflate: false },
      [],
    ],
    [
      "Server indicated an extension that was not requested",
      (key) => `${answer(key)}\r\nSec-WebSocket-Extensions: foo`,
      {},
      [],
    ],
    [
      "Invalid Sec-WebSocket-Extensions header",
      (key) => `${answer(key)}\r\nSec-WebSocket-Extensions: permessage-deflate; x`,
      {},
      [],
    ],
    [
      "Invalid Sec-WebSocket-Extensions header",
      (key) => `${answer(key)}\r\nSec-WebSocket-Extensions: permessage-deflate; =`,
      {},
      [],
    ],
  ];
  for (const [message, head, options, protocols] of cases) {
    it(message, async (t) => {
      const server = await rawServer(t, (socket, key) => socket.write(`${head(key)}\r\n\r\n`));
      const client = new api(server.url, protocols, options);
      client.on("open", () => assert.fail("refused"));
      const closed = next(client, "close");
      assert.equal(((await next(client, "error"))[0] as Error).message, message);
      assert.equal((await closed)[0], 1006);
      assert.equal(client.readyState, api.CLOSED);
    });
  }

  for (const protocols of [null, "", 123, true, false, Symbol("a"), () => "a"]) {
    it(`protocols that are none: ${String(protocols)}`, () => {
      assert.throws(() => new api("ws://127.0.0.1:1", protocols as never), {
        name: "SyntaxError",
        message: "An invalid or duplicated subprotocol was specified",
      });
    });
  }

  it("a status but 101", async (t) => {
    const { url } = await listening(t, api, { verifyClient: () => false });
    const client = new api(url);
    const closed = next(client, "close");
    assert.equal(((await next(client, "error"))[0] as Error).message, "Unexpected server response: 401");
    await closed;
  });

  it("is left to a listener for unexpected-response", async (t) => {
    const { url } = await listening(t, api, { verifyClient: () => false });
    const client = new api(url);
    client.on("error", () => {});
    const [request, response] = (await next(client, "unexpected-response")) as [
      import("node:http").ClientRequest,
      IncomingMessage,
    ];
    let body = "";
    for await (const piece of response.setEncoding("utf8")) body += piece;
    assert.equal(response.statusCode, 401);
    assert.equal(body, "Unauthorized");
    assert.equal(client.readyState, api.CONNECTING);
    request.destroy();
    client.terminate();
    await next(client, "close");
  });
});

describeBoth("followRedirects", (api) => {
  it("is off by default", async (t) => {
    const { port } = await redirecting(t, () => "/elsewhere");
    const client = new api(`ws://127.0.0.1:${port}`);
    assert.equal(((await next(client, "error"))[0] as Error).message, "Unexpected server response: 302");
  });

  it("goes where it is sent, telling so", async (t) => {
    const { url, wss } = await listening(t, api);
    const { port } = await redirecting(t, () => `${url}/there`);
    const client = new api(`ws://127.0.0.1:${port}`, { followRedirects: true });
    endWith(t, client);
    const connection = next(wss, "connection");
    const [to] = await next(client, "redirect");
    assert.equal(to, `${url}/there`);
    assert.equal(((await connection)[1] as IncomingMessage).url, "/there");
    await next(client, "open");
    assert.equal(client.url, `${url}/there`);
  });

  it("names the headers of the first request as they were given", async (t) => {
    for (const followRedirects of [false, true]) {
      const { wss, url } = await listening(t, api);
      const connection = next(wss, "connection");
      const client = new api(url, { followRedirects, headers: { "X-Mixed-Case": "a" } });
      endWith(t, client);
      const [, request] = (await connection) as [unknown, IncomingMessage];
      assert.ok(request.rawHeaders.includes("X-Mixed-Case"));
      await next(client, "open");
    }
  });

  it("gives up behind maxRedirects", async (t) => {
    const { port, count } = await redirecting(t, () => "/again");
    const client = new api(`ws://127.0.0.1:${port}`, { followRedirects: true, maxRedirects: 2 });
    assert.equal(((await next(client, "error"))[0] as Error).message, "Maximum redirects exceeded");
    assert.equal(count(), 3);
  });

  it("fails for a location that is no URL, or none to follow", async (t) => {
    for (const [location, message] of [
      ["ws://:0", "Invalid URL: ws://:0"],
      ["ftp://a/", /The URL's protocol must be one of/],
    ] as const) {
      const { port } = await redirecting(t, () => location);
      const client = new api(`ws://127.0.0.1:${port}`, { followRedirects: true });
      const closed = next(client, "close");
      const [error] = await next(client, "error");
      assert.ok(error instanceof SyntaxError);
      assert.match((error as Error).message, message instanceof RegExp ? message : new RegExp(message));
      await closed;
    }
  });

  it("does not tell another host what was meant for the first, unless somebody looks", async (t) => {
    for (const isWatched of [false, true]) {
      const { url, wss } = await listening(t, api);
      const { port } = await redirecting(t, () => url);
      const client = new api(`ws://127.0.0.1:${port}`, {
        followRedirects: true,
        headers: { Authorization: "Basic abc", Cookie: "a=b", "X-Other": "c" },
      });
      endWith(t, client);
      if (isWatched) client.on("redirect", () => {});
      const [, request] = (await next(wss, "connection")) as [unknown, IncomingMessage];
      const { authorization, cookie } = request.headers;
      assert.deepEqual([authorization, cookie], isWatched ? ["Basic abc", "a=b"] : [undefined, undefined]);
      assert.equal(request.headers["x-other"], "c");
    }
  });
});

/** It may be ended before it is open, of which its error tells. */
function endWith(t: TestContext, client: Client): void {
  client.on("error", () => {});
  t.after(() => client.terminate());
}

function answer(key: string): string {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptKeyOf(key)}`,
  ].join("\r\n");
}

/** A server that answers every upgrade with a redirect. */
async function redirecting(
  t: TestContext,
  location: () => string,
): Promise<{ port: number; count: () => number }> {
  let count = 0;
  const server: HttpServer = createServer();
  server.on("upgrade", (_request, socket: Socket) => {
    count++;
    socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location()}\r\nContent-Length: 0\r\n\r\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => patiently(new Promise((resolve) => server.close(resolve)), "the end of the server"));
  return { port: (server.address() as AddressInfo).port, count: () => count };
}
