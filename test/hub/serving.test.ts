import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { connect as connectSession } from "hawser";
import { connect } from "hawser/client";
import { accept, createHub } from "hawser/hub";
import { attach, serve } from "hawser/server";
import { endBlock, readEnd } from "#session/wire/end-packet.js";
import { PacketType } from "#session/wire/packet-type.js";
import { SessionCode } from "#session/wire/session-code.js";
import { WireReader } from "#session/wire/wire-reader.js";
import { leakCheck } from "../support/leak-check.js";
import { ask } from "../support/session/ask.js";
import { openOf, RawTransport, readAnswer } from "../support/session/raw-transport.js";
import { DIALERS, TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";

async function listening(http: ReturnType<typeof createHttpServer>): Promise<string> {
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

async function ended(http: ReturnType<typeof createHttpServer>): Promise<void> {
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
}

describe("where sessions are served", () => {
  after(leakCheck());

  it("sends broadcasts to raw sockets alone: what carries a session is none", async () => {
    const hub = createHub({ message() {} });
    const server = await serve({ routes: { "/live": hub, "/raw": {} } });
    const session = await TestSession.open(`${server.url}/live`);
    const raw = await connect(`${server.url}/raw`);
    for (let i = 0; i < 3; i++)
      assert.deepEqual(server.broadcast("tick"), { sent: 1, queued: 0, dropped: 0, closed: 0 });
    session.send("still there");
    await until(() => hub.counts.received === 1, "it came");
    assert.deepEqual([session.codes, session.states], [[], ["live"]]);
    await raw.close();
    await session.close();
    await server.shutdown();
  });

  it("takes no hub that was shut down", async () => {
    const hub = createHub();
    await hub.shutdown();
    await assert.rejects(serve({ routes: { "/live": hub } }), { code: "INVALID_OPTION" });
  });

  it("is one port for sessions of several hubs, raw sockets and ordinary requests", async () => {
    const echo = createHub({ message: (session, data) => void session.send(data) });
    const greeting = createHub({
      open: (session) => void session.send(`in ${session.request.params["room"]}`),
    });
    const server = await serve({
      routes: {
        "/echo": echo,
        "/rooms/:room": greeting,
        "/raw": { message: (socket, data) => void socket.send(`raw ${data}`) },
      },
      request: (incoming, response) => response.end(`ordinary ${incoming.url}`),
    });
    const client = await TestSession.open(`${server.url}/echo`);
    client.send("session");
    assert.deepEqual(await client.messages(1), ["session"]);
    const other = await TestSession.open(`${server.url}/rooms/5`, { via: "sse" });
    assert.deepEqual(await other.messages(1), ["in 5"]);
    const socket = await connect(`${server.url}/raw`);
    socket.send("hi");
    for await (const message of socket) {
      assert.equal(message, "raw hi");
      break;
    }
    assert.equal((await ask(`${server.url}/page`, { method: "GET" })).body.toString(), "ordinary /page");
    await assert.rejects(connect(`${server.url}/echo`), /400|Unexpected/i, "who does not speak hawser.1");
    await Promise.all([client.close(), other.close(), socket.close()]);
    await server.shutdown();
  });

  for (const isLate of [false, true]) {
    it(`is an HTTP server of others, ${isLate ? "whose listener comes later" : "which has a listener"}`, async () => {
      const app = (incoming: IncomingMessage, response: ServerResponse): void => {
        response.end(`app ${incoming.url}`);
      };
      const http = createHttpServer(isLate ? undefined : app);
      const hub = createHub({ message: (session, data) => void session.send(data) });
      const server = attach(http, { routes: { "/live": hub } });
      if (isLate) http.on("request", app);
      const url = await listening(http);
      for (const via of DIALERS.keys()) {
        const client = await TestSession.open(`${url}/live`, { via });
        client.send(via);
        assert.deepEqual(await client.messages(1), [via]);
        await client.close();
      }
      assert.equal((await ask(`${url}/other`, { method: "GET" })).body.toString(), "app /other");
      await server.shutdown();
      assert.equal((await ask(`${url}/live`, { method: "GET" })).body.toString(), "app /live");
      await ended(http);
    });
  }

  it("is a framework that routes by itself, and may have read the body", async () => {
    const hub = createHub({
      authenticate: ({ request }) => accept(request.remoteAddress),
      clientAddress: () => "10.1.2.3",
    });
    const http = createHttpServer((incoming, response) => {
      if (!incoming.url!.includes("parsed")) {
        hub.handleRequest(incoming, response);
        return;
      }
      const pieces: Buffer[] = [];
      incoming.on("data", (piece: Buffer) => pieces.push(piece));
      incoming.on("end", () => {
        Object.assign(incoming, { body: Buffer.concat(pieces) });
        setImmediate(() => hub.handleRequest(incoming, response));
      });
    });
    const url = await listening(http);
    for (const path of ["/plain", "/parsed"]) {
      const answer = await new RawTransport(`${url}${path}`).down(1, 0, [openOf()]);
      assert.deepEqual([answer.status, readAnswer(answer).number], [200, 1]);
    }
    assert.deepEqual(
      [...hub.sessions.values()].map(({ data }) => data),
      ["10.1.2.3", "10.1.2.3"],
    );
    for (const session of hub.sessions.values()) session.end();
    await hub.shutdown({ drainTimeoutMs: 1 });
    await ended(http);
  });

  it("is HTTP/2 as well", async () => {
    const hub = createHub({ message: (session, data) => void session.send(data) });
    const server = await serve({ http2: true, routes: { "/live": hub } });
    const client = connectHttp2(server.url.replace("ws:", "http:"));
    const raw = new RawTransport("/live", "stream");
    const origin = `http://127.0.0.1:${server.port}`;
    const down = client.request({ ":method": "POST", ":path": raw.url, origin });
    let bytes = Buffer.alloc(0);
    down.on("data", (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
    });
    down.end(raw.body(1, 1, 0, openOf()));
    await until(() => bytes.length > 2_060, "the welcome");
    const up = client.request({ ":method": "POST", ":path": raw.url });
    const answered = once(up, "response");
    up.end(raw.body(2, 2, 0, Buffer.from([1, 0, 1, 0, 2, 0x68, 0x69])));
    const [headers] = await answered;
    assert.equal(headers[":status"], 204);
    await until(() => bytes.includes("hi"), "the echo");
    const foreign = client.request({ ":method": "POST", ":path": raw.url, origin: "https://evil.example" });
    assert.equal((await once(foreign.end(), "response"))[0][":status"], 403);
    for (const session of hub.sessions.values()) session.end();
    client.destroy();
    await server.shutdown({ drainTimeoutMs: 100 });
  });

  it("answers a GET over HTTP/2 with 404, and does not throw for the field `upgrade`, which is none there", async () => {
    const hub = createHub({ message() {} });
    const server = await serve({ http2: true, routes: { "/live": hub } });
    const client = connectHttp2(server.url.replace("ws:", "http:"));
    for (const method of ["GET", "HEAD"]) {
      const request = client.request({ ":method": method, ":path": "/live" });
      const [headers] = await once(request.resume().end(), "response");
      assert.deepEqual([headers[":status"], headers["upgrade"]], [404, undefined]);
    }
    client.destroy();
    await server.shutdown({ drainTimeoutMs: 100 });
  });

  it("drops a stream of HTTP/2 whose client opens no window for the answer", async () => {
    const hub = createHub({ message() {} });
    const server = await serve({ http2: true, routes: { "/live": hub } });
    const settings = { initialWindowSize: 0 };
    const client = connectHttp2(server.url.replace("ws:", "http:"), { settings });
    const closed = ["/live", "/nothing"].map((path) => {
      const request = client.request({ ":path": path }).resume();
      request.on("error", () => {}); // it was reset
      return new Promise<void>((resolve) => request.once("close", resolve));
    });
    await Promise.all(closed);
    client.destroy();
    await server.shutdown({ drainTimeoutMs: 100 });
  });

  it("can be limited to some ways", async () => {
    const hub = createHub({ transports: ["long-polling"] });
    const server = await serve({ routes: { "/live": hub } });
    const url = `${server.url}/live`;
    await assert.rejects(connect(url, { protocols: ["hawser.1"] }));
    assert.equal((await new RawTransport(url, "sse").down(1, 0, [openOf()])).status, 404);
    const client = await TestSession.open(url, { via: "long-polling" });
    await client.close();
    await server.shutdown();
  });
});

describe("a shutdown", () => {
  after(leakCheck());

  for (const via of ["websocket", "stream", "sse", "long-polling", "polling"] as const) {
    it(`delivers what was sent, and has clients come back at some time within a window: ${via}`, async () => {
      const seen: string[] = [];
      const hub = createHub({
        reset: (_session, { code, unconfirmed }) => void seen.push(`${code} ${unconfirmed.length}`),
      });
      const server = await serve({ routes: { "/live": hub } });
      const clients = await Promise.all(
        [0, 1, 2, 3].map(() => TestSession.open(`${server.url}/live`, { via })),
      );
      hub.broadcast("the last words");
      await Promise.all([
        hub.shutdown({ notBeforeMs: 60_000, spreadMs: 600_000, reason: "a new version" }),
        server.shutdown(),
      ]);
      for (const client of clients) {
        await until(() => client.waitingMs > 0, "it waits");
        assert.deepEqual([client.received, client.codes], [["the last words"], [4004]]);
        assert.ok(client.waitingMs >= 59_000 && client.waitingMs <= 661_000, `${client.waitingMs} ms`);
      }
      assert.ok(new Set(clients.map(({ waitingMs }) => Math.round(waitingMs))).size > 1, "not all at once");
      assert.deepEqual(seen, ["4202 0", "4202 0", "4202 0", "4202 0"]);
      for (const client of clients) client.giveUp();
    });
  }

  it("answers 4200 where a client ended its session with a code that says to come back", async () => {
    const hub = createHub();
    const server = await serve({ routes: { "/live": hub } });
    const identity = { id: randomBytes(16), token: randomBytes(16) };
    const first = new RawTransport(`${server.url}/live`);
    await first.down(1, 0, [openOf(identity)]);
    await first.up(2, endBlock(PacketType.reset, SessionCode.badPacket, new Uint8Array(0)));
    await until(() => hub.counts.resets["badPacket"] === 1, "it was reset");
    // Such a code once more, and it would come back for ever.
    const again = new RawTransport(`${server.url}/live`);
    const { blocks } = readAnswer(
      await again.down(1, 0, [openOf({ ...identity, isResume: true, epoch: 2 })]),
    );
    const [block] = blocks;
    const { code } = readEnd(new WireReader(block!, 2, block!.length));
    assert.deepEqual([block![0], code], [PacketType.reset, SessionCode.expired]);
    await server.shutdown();
  });

  it("takes no new sessions, and a client that comes back to another process begins anew", async () => {
    const first = createHub({});
    const server = await serve({ routes: { "/live": first } });
    const { port } = server;
    const client = await TestSession.open(`${server.url}/live`, { reconnectDelayMs: 1_000_000_000 });
    await first.shutdown({ notBeforeMs: 5_000, spreadMs: 0 });
    const late = TestSession.begin(`${server.url}/live`);
    await until(() => late.codes.length === 1, "it is refused");
    assert.deepEqual(late.codes, [4004]);
    late.giveUp();
    await server.shutdown();
    const second = createHub({});
    const next = await serve({ port, routes: { "/live": second } });
    await client.dial();
    const end = await client.ended();
    assert.deepEqual([end.code, end.isReset], [4202, true]);
    await next.shutdown();
  });

  it("of one server is that of its hub, also where another server has it; what else that has goes on", async () => {
    const hub = createHub({});
    const [first, second] = await Promise.all([
      serve({ routes: { "/live": hub } }),
      serve({ routes: { "/live": hub, "/raw": { message: (socket, data) => void socket.send(data) } } }),
    ]);
    const client = await TestSession.open(`${second.url}/live`);
    await first.shutdown();
    await until(() => client.waitingMs > 0, "it is sent away");
    assert.deepEqual([client.codes, hub.sessions.size], [[4004], 0]);
    const late = TestSession.begin(`${second.url}/live`);
    await until(() => late.codes.length === 1, "it is refused");
    assert.deepEqual(late.codes, [4004]);
    const socket = await connect(`${second.url}/raw`);
    socket.send("still here");
    assert.equal((await socket[Symbol.asyncIterator]().next()).value, "still here");
    for (const one of [client, late]) one.giveUp();
    await socket.close();
    await second.shutdown();
  });
});

describe("a client of sessions", () => {
  after(leakCheck());

  for (const via of DIALERS.keys()) {
    it(`says which session it is for in each URL, so that a balancer can keep it on one node: ${via}`, async () => {
      const queries: string[] = [];
      const hub = createHub({ open: (session) => void queries.push(session.request.query.get("session")!) });
      const server = await serve({ routes: { "/live": hub } });
      const session = connectSession(`${server.url}/live?token=1`, { transports: [via] });
      await until(() => queries.length === 1, "it is there");
      assert.deepEqual(queries, [session.id]);
      assert.deepEqual([...hub.sessions.keys()], [session.id]);
      await session.close();
      await server.shutdown();
    });
  }
});
