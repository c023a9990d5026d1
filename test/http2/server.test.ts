import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { connect as connectTcp } from "node:net";
import { after, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { accept, type CloseResult, diagnostics, refuse, type ServeOptions, serve } from "hawser/server";
import { runLoad } from "#bench/run-load.js";
import { testCertificate } from "../support/certificate.js";
import { Http2Client } from "../support/http2-client.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { binaryFrame, closeFrame, maskedFrame, RawClient, textFrame } from "../support/raw-client.js";
import { until } from "../support/until.js";

const ECHO: ServeOptions = { pingIntervalMs: 0, message: (socket, data) => void socket.send(data) };

describe("serve({ http2: true })", () => {
  after(leakCheck());

  it("opens many sockets on one connection, each with its own messages", async () => {
    await using server = await serve({ ...ECHO, http2: true, tls: testCertificate() });
    const client = await Http2Client.connect(server.port, { ca: testCertificate().ca });
    assert.equal(client.session.remoteSettings.enableConnectProtocol, true);
    const sockets = await Promise.all(Array.from({ length: 50 }, () => client.open()));
    for (const [i, socket] of sockets.entries()) socket.send(textFrame(`to ${i}`));
    for (const [i, socket] of sockets.entries()) assert.equal(await socket.nextText(), `to ${i}`);
    assert.equal(server.connections.size, 50);
    const ports = new Set([...server.connections].map(({ request }) => request.httpVersion));
    assert.deepEqual([...ports], ["2"]);
    await client.destroy();
  });

  it("tells the hook path, query, host, origin, cookies, address and encryption as over HTTP/1.1", async () => {
    const seen: unknown[] = [];
    await using server = await serve({
      ...ECHO,
      http2: true,
      tls: testCertificate(),
      routes: {
        "/rooms/:room": {
          upgrade(request) {
            const { path, params, host, origin, remoteAddress, isSecure, httpVersion } = request;
            seen.push({
              ...{ path, room: params["room"], query: request.query.get("a"), host, origin },
              ...{ remoteAddress, isSecure, httpVersion, incoming: request.incoming },
              cookies: [...request.cookies],
              pseudo: [...request.headers].filter(([name]) => name.startsWith(":")),
            });
            return accept();
          },
        },
      },
    });
    const client = await Http2Client.connect(server.port, { ca: testCertificate().ca });
    const socket = await client.open({
      ":path": "/rooms/5?a=1",
      origin: `https://localhost:${server.port}`,
      cookie: ["a=1", "b=2"],
    });
    assert.equal(socket.status, 200);
    assert.deepEqual(seen, [
      {
        ...{ path: "/rooms/5", room: "5", query: "1", host: `localhost:${server.port}` },
        ...{ origin: `https://localhost:${server.port}`, remoteAddress: "127.0.0.1", isSecure: true },
        ...{ httpVersion: "2", incoming: undefined, pseudo: [] },
        cookies: [
          ["a", "1"],
          ["b", "2"],
        ],
      },
    ]);
    await client.destroy();
  });

  it("answers with what was negotiated, and without what only HTTP/1.1 has", async () => {
    await using server = await serve({
      ...ECHO,
      http2: true,
      protocols: ["chat"],
      compression: true,
      upgrade: () => accept(undefined, { headers: { "X-One": "1" } }),
    });
    const client = await Http2Client.connect(server.port);
    const { status, headers } = await client.open({
      "sec-websocket-protocol": "other, chat",
      "sec-websocket-extensions": "permessage-deflate",
      "sec-websocket-key": "ignored",
    });
    const { date, ...fields } = headers;
    assert.equal(status, 200);
    assert.ok(date);
    assert.deepEqual(Object.entries(fields), [
      [":status", 200],
      ["sec-websocket-protocol", "chat"],
      ["sec-websocket-extensions", "permessage-deflate"],
      ["x-one", "1"],
    ]);
    await client.destroy();
  });

  it("takes HTTP/1.1 and HTTP/2, WebSocket and ordinary requests, on one port over TLS", async () => {
    const certificate = testCertificate();
    await using server = await serve({
      ...ECHO,
      http2: true,
      tls: certificate,
      request: (request, response) => response.end(`${request.httpVersion} ${request.url}`),
    });
    const http2 = await Http2Client.connect(server.port, { ca: certificate.ca });
    assert.deepEqual(await http2.get("/page"), { status: 200, body: "2.0 /page" });
    const first = await http2.open();
    const second = await RawClient.open({ port: server.port, ca: certificate.ca });
    assert.deepEqual([first.status, second.status], [200, 101]);
    const page = await new Promise<string>((resolve) => {
      get(`https://localhost:${server.port}/page`, { ca: certificate.ca, family: 4 }, (response) => {
        void textOf(response).then(resolve);
      });
    });
    assert.equal(page, "1.1 /page");
    assert.deepEqual(
      [...server.connections].map(({ request }) => request.httpVersion),
      ["2", "1.1"],
    );
    await Promise.all([http2.destroy(), second.destroy()]);
  });

  it("takes both on one port without TLS, where the client knows that it speaks HTTP/2", async () => {
    await using server = await serve({ ...ECHO, http2: true });
    const http2 = await Http2Client.connect(server.port);
    const first = await http2.open();
    const second = await RawClient.open({ port: server.port });
    assert.deepEqual([first.status, second.status], [200, 101]);
    first.send(textFrame("one"));
    second.send(textFrame("two"));
    assert.deepEqual([await first.nextText(), await second.nextText()], ["one", "two"]);
    assert.equal((await http2.get("/")).status, 404);
    await Promise.all([http2.destroy(), second.destroy()]);
  });

  for (const isSecure of [false, true]) {
    it(`takes the client's address from the PROXY protocol ${isSecure ? "with" : "without"} TLS`, async () => {
      const certificate = testCertificate();
      await using server = await serve({
        ...ECHO,
        http2: true,
        proxyProtocolFrom: ["127.0.0.1"],
        ...(isSecure && { tls: certificate }),
      });
      const socket = connectTcp(server.port, "127.0.0.1");
      await once(socket, "connect");
      socket.write("PROXY TCP4 192.0.2.7 127.0.0.1 5000 80\r\n");
      const client = await Http2Client.connect(server.port, {
        createConnection: () =>
          isSecure
            ? connectTls({ socket, ca: certificate.ca, servername: "localhost", ALPNProtocols: ["h2"] })
            : socket,
        ...(isSecure && { ca: certificate.ca }),
      });
      assert.equal((await client.open()).status, 200);
      const [{ request } = {}] = server.connections;
      assert.deepEqual([request?.remoteAddress, request?.isSecure], ["192.0.2.7", isSecure]);
      await client.destroy();
    });
  }

  it("does not speak HTTP/2 unless it is told to", async () => {
    await using server = await serve({ ...ECHO, tls: testCertificate() });
    await assert.rejects(Http2Client.connect(server.port, { ca: testCertificate().ca }));
  });

  it("publishes opened sockets with their heads", async () => {
    const events: { requestHead: string; responseHead: string }[] = [];
    const onOpen = (event: unknown): void => void events.push(event as (typeof events)[0]);
    diagnostics.open.subscribe(onOpen);
    await using server = await serve({ ...ECHO, http2: true });
    const client = await Http2Client.connect(server.port);
    await client.open({ ":path": "/here" });
    diagnostics.open.unsubscribe(onOpen);
    assert.match(events[0]!.requestHead, /^CONNECT \/here HTTP\/2\r\nhost: localhost/);
    assert.equal(events[0]!.responseHead, "HTTP/2 200\r\n\r\n");
    await client.destroy();
  });
});

describe("a handshake over HTTP/2", () => {
  after(leakCheck());

  it("is refused with a status on its stream, and its siblings go on", async () => {
    const codes: string[] = [];
    await using server = await serve({
      http2: true,
      routes: {
        "/echo": ECHO,
        "/no": {
          upgrade: () =>
            refuse(401, { headers: { "WWW-Authenticate": "Basic", Upgrade: "x" }, body: "who?" }),
        },
        "/late": { upgrade: async () => refuse(403) },
        "/throws": {
          upgrade: () => {
            throw new Error("broken");
          },
        },
      },
      refused: (error) => void codes.push(error.code),
    });
    const client = await Http2Client.connect(server.port);
    const sibling = await client.open({ ":path": "/echo" });
    const refusals = await Promise.all([
      client.open({ ":path": "/no" }),
      client.open({ ":path": "/late" }),
      client.open({ ":path": "/throws" }),
      client.open({ ":path": "/nowhere" }),
      client.open({ ":path": "/echo", origin: "https://evil.example" }),
      client.open({ ":path": "/echo", "sec-websocket-version": "8" }),
      client.open({ ":path": "/echo", ":protocol": "connect-udp" }),
      client.open({ ":path": "/echo", "sec-websocket-protocol": "a, a" }),
    ]);
    assert.deepEqual(
      refusals.map(({ status }) => status),
      [401, 403, 500, 404, 403, 400, 501, 400],
    );
    assert.deepEqual(codes.sort(), [
      ...["INVALID_PROTOCOLS", "INVALID_UPGRADE", "NOT_FOUND", "ORIGIN_NOT_ALLOWED"],
      ...["REFUSED", "REFUSED", "REFUSED", "UNSUPPORTED_VERSION"],
    ]);
    assert.equal(refusals[0]!.headers["www-authenticate"], "Basic");
    assert.equal(refusals[0]!.body, "who?");
    assert.equal(refusals[5]!.headers["sec-websocket-version"], "13");
    assert.deepEqual(await Promise.all(refusals.map(({ gone }) => gone)), new Array(8).fill(0));
    sibling.send(textFrame("still here"));
    assert.equal(await sibling.nextText(), "still here");
    await client.destroy();
  });

  it("is dropped by a reset of its stream where the hook takes too long", async () => {
    await using server = await serve({
      http2: true,
      handshakeTimeoutMs: 200,
      upgrade: () => new Promise<never>(() => {}),
    });
    const client = await Http2Client.connect(server.port);
    const socket = await client.open();
    assert.deepEqual([socket.status, await socket.gone], [0, 8]);
    assert.equal(client.session.destroyed, false);
    await client.destroy();
  });

  it("gives its place back when its stream is reset before the answer", async () => {
    let hooks = 0;
    await using server = await serve({
      http2: true,
      maxConnections: 1,
      upgrade: () => (hooks++ === 0 ? new Promise<never>(() => {}) : accept()),
    });
    const client = await Http2Client.connect(server.port);
    const first = client.ask();
    await until(() => hooks === 1, "the first is with the hook");
    assert.equal((await client.open()).status, 503);
    await first.reset();
    await until(() => server.memoryBytes === 0, "its place is free");
    assert.equal((await client.open()).status, 200);
    await client.destroy();
  });
});

describe("the end of a connection over HTTP/2", () => {
  after(leakCheck());
  const closes = new Inbox<CloseResult>("end of a connection");
  const options: ServeOptions = {
    ...ECHO,
    http2: true,
    close: (_socket, result) => closes.push(result),
    error() {},
  };

  it("is END_STREAM from both sides behind a closing handshake", async () => {
    await using server = await serve(options);
    const client = await Http2Client.connect(server.port);
    const socket = await client.open();
    socket.send(closeFrame(1000, "bye"));
    assert.equal(await socket.nextCloseCode(), 1000);
    await socket.ended;
    socket.stream.end();
    assert.equal(await socket.gone, 0);
    assert.deepEqual(
      { ...(await closes.next()), sent: 0, received: 0 },
      {
        ...{ code: 1000, reason: "bye", wasClean: true, initiator: "remote" },
        ...{ sent: 0, received: 0, error: undefined },
      },
    );
    assert.equal(client.session.destroyed, false);
    await client.destroy();
  });

  it("is 1006 for END_STREAM without a close frame, as for a FIN", async () => {
    await using server = await serve(options);
    const client = await Http2Client.connect(server.port);
    const socket = await client.open();
    socket.stream.end();
    const { code, error } = await closes.next();
    assert.deepEqual([code, error?.code], [1006, "CONNECTION_LOST"]);
    assert.equal(await socket.gone, 0);
    await client.destroy();
  });

  it("is 1006 for RST_STREAM, as for a reset of TCP, and siblings go on", async () => {
    await using server = await serve(options);
    const client = await Http2Client.connect(server.port);
    const [socket, sibling] = [await client.open(), await client.open()];
    await socket.reset();
    assert.equal((await closes.next()).code, 1006);
    const failed = await client.open();
    await failed.reset(2); // INTERNAL_ERROR
    const { code, error } = await closes.next();
    assert.deepEqual([code, error?.code], [1006, "TRANSPORT_ERROR"]);
    sibling.send(textFrame("still here"));
    assert.equal(await sibling.nextText(), "still here");
    await client.destroy();
    assert.equal((await closes.next()).code, 1006);
  });

  it("is 1006 for each of its sockets where the session is lost", async () => {
    await using server = await serve(options);
    const client = await Http2Client.connect(server.port);
    await Promise.all([client.open(), client.open(), client.open()]);
    client.session.destroy();
    const results = [await closes.next(), await closes.next(), await closes.next()];
    assert.deepEqual(
      results.map(({ code }) => code),
      [1006, 1006, 1006],
    );
    await client.gone;
  });

  it("is RST_STREAM with CANCEL where this side drops it", async () => {
    await using server = await serve(options);
    const client = await Http2Client.connect(server.port);
    const [socket, sibling] = [await client.open(), await client.open()];
    const [dropped] = server.connections;
    dropped!.terminate();
    assert.equal(await socket.gone, 8);
    assert.equal((await closes.next()).error?.code, "TERMINATED");
    sibling.send(textFrame("still here"));
    assert.equal(await sibling.nextText(), "still here");
    await client.destroy();
    await closes.next();
  });

  it("is a close frame for a broken rule, on that stream only", async () => {
    await using server = await serve(options);
    const client = await Http2Client.connect(server.port);
    const [socket, sibling] = [await client.open(), await client.open()];
    socket.send(maskedFrame(0x83, Buffer.alloc(0)));
    assert.equal(await socket.nextCloseCode(), 1002);
    await socket.ended;
    socket.stream.end();
    assert.equal((await closes.next()).error?.code, "RESERVED_OPCODE");
    sibling.send(binaryFrame(Buffer.from("fine")));
    assert.equal(await sibling.nextText(), "fine");
    await client.destroy();
    await closes.next();
  });
});

describe("shutdown over HTTP/2", () => {
  after(leakCheck());

  it("says GOAWAY, closes each socket, and resolves when the sessions are gone", async () => {
    const server = await serve({ ...ECHO, http2: true });
    const client = await Http2Client.connect(server.port);
    const sockets = [await client.open(), await client.open()];
    const ending = server.shutdown({ code: 1012 });
    for (const socket of sockets) {
      assert.equal(await socket.nextCloseCode(), 1012);
      socket.send(closeFrame(1012));
      await socket.ended;
      socket.stream.end();
    }
    await ending;
    await client.gone;
    assert.deepEqual(client.goaways, [0]);
  });

  it("drops sessions that do not end in time", async () => {
    const server = await serve({ ...ECHO, http2: true });
    const client = await Http2Client.connect(server.port);
    await client.open();
    await server.shutdown({ drainTimeoutMs: 50 });
    await client.gone;
    assert.equal(server.connections.size, 0);
  });

  it("resolves though clients over TLS vanish at that moment, with messages on their way", async () => {
    const server = await serve({ ...ECHO, http2: true, tls: testCertificate() });
    const report = await runLoad(server.url, {
      kind: "echo",
      connections: 6,
      http2Connections: 2,
      window: 8,
      sizes: [300],
      isInsecure: true,
      durationMs: 50,
      warmUpMs: 20,
    });
    assert.deepEqual(report.faults, []);
    await server.shutdown({ drainTimeoutMs: 0 });
  });

  it("lets ordinary requests finish", async () => {
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const respond = new Inbox<() => void>("request");
    const server = await serve({
      ...ECHO,
      http2: true,
      request: (_request, response) => {
        answer();
        respond.push(() => response.end("done"));
      },
    });
    const client = await Http2Client.connect(server.port);
    const page = client.get("/");
    await asked;
    const ending = server.shutdown();
    (await respond.next())();
    assert.deepEqual(await page, { status: 200, body: "done" });
    await ending;
    await client.gone;
  });
});

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}
