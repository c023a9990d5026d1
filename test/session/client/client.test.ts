import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  connect,
  connectOver,
  longPolling,
  race,
  type Session,
  type SessionReset,
  type SessionState,
  type TransportName,
  webSocket,
} from "hawser";
import { type Acceptance, accept, createHub, type HubSession, type Refusal, refuse } from "hawser/hub";
import { serve } from "hawser/server";
import { FaultProxy } from "#testbed/fault-proxy.js";
import { Inbox } from "../../support/inbox.js";
import { until } from "../../support/until.js";
import { NumberedTraffic } from "./numbered-traffic.js";

const TRANSPORTS: readonly TransportName[] = ["websocket", "stream", "sse", "long-polling", "polling"];
/** Cuts come quickly in tests; who comes back should, too. */
const QUICK = { reconnectDelayMs: 5, maxReconnectDelayMs: 20 };

describe("a session of a client", () => {
  for (const transport of TRANSPORTS) {
    it(`goes both ways over ${transport}, text and bytes, in order`, async () => {
      const hub = createHub({ message: (session, data) => void session.send(data) });
      await using server = await serve({ routes: { "/live": hub } });
      const got = new Inbox<string | Uint8Array>("message");
      const session = connect(`${server.url}/live`, {
        transports: [transport],
        message: (_session, data) => got.push(data),
      });
      const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
      session.send("sent before it is connected");
      session.send(bytes);
      session.send("é€😀");
      assert.equal(await got.next(), "sent before it is connected");
      assert.deepEqual(new Uint8Array((await got.next()) as Uint8Array), bytes);
      assert.equal(await got.next(), "é€😀");
      assert.deepEqual(session.state, { status: "live", transport });
      assert.ok(session.roundTripMs! >= 0);
      const { code, isReset } = await session.close();
      assert.deepEqual([code, isReset], [4400, false]);
      assert.equal(session.state.status, "closed");
      assert.equal(session.send("late"), "closed");
    });
  }

  // Over HTTP each request may be cut, and each costs a moment.
  for (const [transport, cuts] of [
    ["websocket", 60],
    ["stream", 20],
    ["long-polling", 20],
  ] as const) {
    it(`loses, doubles and reorders nothing while ${transport} is cut again and again`, async () => {
      const traffic = new NumberedTraffic();
      const opened = new Inbox<HubSession<unknown>>("session");
      const resets: unknown[] = [];
      const hub = createHub({
        open: (session) => opened.push(session),
        message: (_session, data) => traffic.atServer(data),
        reset: (_session, end) => void resets.push(end),
      });
      await using server = await serve({ routes: { "/live": hub } });
      const proxy = await FaultProxy.start({
        targetPort: server.port,
        seed: 6455,
        cutShare: 1,
        cutWithinBytes: transport === "websocket" ? 40_000 : 10_000,
      });
      const session = connect(`ws://127.0.0.1:${proxy.port}/live`, {
        ...QUICK,
        transports: [transport],
        message: (_session, data) => traffic.atClient(data),
        reset: (_session, reset) => void resets.push(reset),
      });
      const peer = await opened.next();
      while (proxy.counts.fin + proxy.counts.rst < cuts) await traffic.send(20, session, peer);
      proxy.setFaults({});
      await until(() => traffic.isComplete, "all has come");
      traffic.check();
      assert.deepEqual(resets, []);
      await session.close();
      await proxy.close();
    });
  }

  for (const transport of ["long-polling", "polling"] as const) {
    it(`takes 408 for a request that failed, over ${transport}: nothing is lost, and the transport goes on`, async () => {
      const traffic = new NumberedTraffic();
      const opened = new Inbox<HubSession<unknown>>("session");
      const hub = createHub({
        open: (session) => opened.push(session),
        message: (_session, data) => traffic.atServer(data),
      });
      let requests = 0;
      let refused = 0;
      const http = createHttpServer((request, response) => {
        if (++requests % 4 !== 0) {
          hub.handleRequest(request, response);
          return;
        }
        refused++;
        request.resume().on("end", () => response.writeHead(408).end()); // as if its end had not come
      });
      http.listen(0, "127.0.0.1");
      await once(http, "listening");
      const lives: string[] = [];
      const session = connect(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/live`, {
        ...QUICK,
        transports: [transport],
        message: (_session, data) => traffic.atClient(data),
        state: (_session, { status }) => void lives.push(status),
      });
      const peer = await opened.next();
      while (refused < 5) {
        await traffic.send(5, session, peer);
        await until(() => traffic.isComplete, "all has come");
      }
      traffic.check();
      assert.deepEqual(lives, ["live"]);
      await session.close();
      await hub.shutdown({ drainTimeoutMs: 1 });
      http.close();
      http.closeAllConnections();
    });
  }

  it("falls back where WebSockets do not get through, and says over what it lives", async () => {
    const hub = createHub({
      transports: ["long-polling"],
      message: (session, data) => void session.send(data),
    });
    await using server = await serve({ routes: { "/live": hub } });
    const got = new Inbox<string | Uint8Array>("message");
    const session = connect(`${server.url}/live`, { message: (_session, data) => got.push(data) });
    session.send("hello");
    assert.equal(await got.next(), "hello");
    assert.deepEqual(session.state, { status: "live", transport: "long-polling" });
    await session.close();
  });

  it("is reset when the server does not know it any more, with what was not confirmed", async () => {
    const states = new Inbox<SessionState>("state");
    const resets = new Inbox<SessionReset>("reset");
    const handlers = {
      message: (session: HubSession<unknown>, data: string | Uint8Array) => void session.send(data),
    };
    const first = await serve({ routes: { "/live": createHub(handlers) } });
    const { port } = first;
    const session = connect(`${first.url}/live`, {
      ...QUICK,
      transports: ["websocket"],
      state: (_session, state) => states.push(state),
      reset: (_session, reset) => resets.push(reset),
    });
    assert.equal((await states.next()).status, "live");
    const { id } = session;
    for (const socket of first.connections) socket.terminate();
    session.send("on its way when the server went");
    await first.shutdown({ drainTimeoutMs: 0 });
    await using second = await serve({ port, routes: { "/live": createHub(handlers) } });
    const { unconfirmed } = await resets.next();
    assert.deepEqual(
      unconfirmed.map(({ data }) => data),
      ["on its way when the server went"],
    );
    await until(() => session.state.status === "live", "it is live again");
    assert.notEqual(session.id, id);
    assert.equal(second.connections.size, 1);
    await session.close();
  });

  it("asks for credentials before each session, and gives new ones when it is told to", async () => {
    const seen: string[] = [];
    const hub = createHub({
      authenticate({ credentials, session }): Acceptance<undefined> | Refusal {
        seen.push(`${session === undefined ? "open" : "refresh"} ${credentials}`);
        return credentials.startsWith("token") ? accept() : refuse(401);
      },
    });
    await using server = await serve({ routes: { "/live": hub } });
    let count = 0;
    const session = connect(`${server.url}/live`, {
      transports: ["websocket"],
      credentials: async () => `token-${++count}`,
    });
    await until(() => session.state.status === "live", "it is live");
    await session.authenticate();
    await until(() => seen.length === 2, "the server has new credentials");
    assert.deepEqual(seen, ["open token-1", "refresh token-2"]);
    await session.close();
  });

  it("stops where its credentials are not accepted", async () => {
    const hub = createHub({ authenticate: () => refuse(401) });
    await using server = await serve({ routes: { "/live": hub } });
    const closed = new Inbox<SessionState>("closed");
    const session: Session = connect(`${server.url}/live`, {
      credentials: "nobody",
      state: (_session, state) => void (state.status === "closed" && closed.push(state)),
    });
    const state = await closed.next();
    assert.ok(state.status === "closed" && state.code === 4401);
    assert.equal(session.send("anything"), "closed");
  });

  it("tells subscribers of its state, with the same object as long as it lasts", async () => {
    await using server = await serve({ routes: { "/live": createHub({}) } });
    const session = connect(`${server.url}/live`);
    const seen: SessionState[] = [session.state];
    const stop = session.subscribe((state) => void seen.push(state));
    await until(() => session.state.status === "live", "it is live");
    assert.equal(session.state, seen.at(-1));
    stop();
    await session.close();
    assert.deepEqual(
      seen.map(({ status }) => status),
      ["connecting", "live"],
    );
  });

  it("takes channels of the server that nobody but the receiver of all receives", async () => {
    const hub = createHub({ open: (session) => void session.channel("news").send("hello") });
    await using server = await serve({ routes: { "/live": hub } });
    const got = new Inbox<string>("message");
    const session = connectOver(race(webSocket, longPolling), `${server.url}/live`);
    session.receive("*", { message: (data, _id, channel) => got.push(`${channel}: ${String(data)}`) });
    assert.equal(await got.next(), "news: hello");
    await session.close();
  });

  it("has channels that do not hold up each other", async () => {
    const hub = createHub({
      open(session) {
        session.receive("*", { message: (data, _id, channel) => void session.channel(channel).send(data) });
      },
    });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, { transports: ["websocket"], maxOutboxBytes: 16_777_216 });
    const order: string[] = [];
    session.receive("upload", { message: () => void order.push("upload") });
    session.receive("chat", { message: () => void order.push("chat") });
    session.channel("upload").send(new Uint8Array(4_000_000));
    session.channel("chat").send("hello");
    await until(() => order.length === 2, "both have come back");
    assert.deepEqual(order, ["chat", "upload"]);
    await session.close();
  });

  it("forgets channels that are closed, however many names there are", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const hub = createHub({ channel: () => true, message: () => {} });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, { transports: ["websocket"] });
    const { id } = session;
    const opened: WeakRef<object>[] = [];
    for (let name = 0; name < 200; name++) {
      const channel = session.channel(`document ${name}`);
      assert.equal(session.channel(`document ${name}`), channel);
      channel.send("x".repeat(1000));
      channel.close();
      opened.push(new WeakRef(channel));
      await until(() => session.unconfirmedBytes === 0, "all of it is confirmed");
    }
    assert.equal(session.id, id, "it was not reset");
    await until(() => {
      collect();
      return opened.filter((channel) => channel.deref() !== undefined).length < 5;
    }, "they are gone");
    await session.close();
  });
});
