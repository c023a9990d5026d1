import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { after, describe, it } from "node:test";
import { createHub, type HubOptions } from "hawser/hub";
import { memoryBroker, serve, UsageError } from "hawser/server";
import { PING_PACKET } from "#session/wire/packet-type.js";
import { leakCheck } from "../support/leak-check.js";
import { openOf, RawTransport } from "../support/session/raw-transport.js";
import { TestSession } from "../support/session/test-session.js";
import { rounds, until } from "../support/until.js";

async function served(options: HubOptions, more: { clientAddress?: () => string } = {}) {
  const hub = createHub(options);
  const server = await serve({ ...more, routes: { "/live": hub } });
  return { hub, server, url: `${server.url}/live` };
}

describe("limits on sessions", () => {
  after(leakCheck());

  it("of all, and of one address: the others come back later", async () => {
    for (const [options, sameAddress] of [
      [{ maxSessions: 1 }, false],
      [{ maxSessionsPerAddress: 1 }, true],
    ] as const) {
      let count = 0;
      const { hub, server, url } = await served(options, {
        clientAddress: () => (sameAddress ? "10.0.0.1" : `10.0.0.${count++}`),
      });
      const first = await TestSession.open(url);
      const second = TestSession.begin(url);
      await until(() => second.codes.length === 1, "it was refused");
      assert.deepEqual(second.codes, [4005]);
      assert.ok(second.waitingMs >= 4_000, "it is told to stay away");
      assert.deepEqual(hub.counts.refused, { tryAgainLater: 1 });
      assert.deepEqual(JSON.parse(JSON.stringify(hub.counts)).refused, { tryAgainLater: 1 });
      await first.close();
      await until(() => hub.sessions.size === 0, "there is room");
      const third = await TestSession.open(url, { via: "long-polling" });
      assert.equal(third.state, "live");
      await Promise.all([second.close(), third.close()]);
      await server.shutdown();
    }
  });

  it("of how fast an address begins sessions", async (t) => {
    const { hub, server, url } = await served({ maxOpensPerSecond: 1 });
    const nowMs = performance.now();
    t.mock.method(performance, "now", () => nowMs); // or a third one is admitted when a second has gone by
    const clients = [0, 1, 2, 3].map(() => TestSession.begin(url));
    await until(
      () => hub.sessions.size + clients.flatMap(({ codes }) => codes).length >= 4,
      "all were answered",
    );
    assert.equal(hub.sessions.size, 2);
    assert.equal(hub.counts.refused["tryAgainLater"], 2);
    t.mock.restoreAll();
    await Promise.all(clients.map((client) => client.close()));
    await server.shutdown();
  });

  it("of how fast a client sends: nothing is lost, and it waits", async () => {
    let received = 0;
    const { hub, server, url } = await served({
      maxReceivedMessagesPerSecond: 100,
      rateBurstMs: 100,
      message: () => void received++,
    });
    const client = await TestSession.open(url);
    const begunAt = performance.now();
    for (let i = 0; i < 40; i++) client.send(String(i));
    await until(() => received === 40, "all came");
    const tookMs = performance.now() - begunAt;
    assert.ok(tookMs >= 250, `40 messages at 100 a second, 10 at once, took ${tookMs} ms`);
    assert.equal(hub.counts.received, 40);
    await client.close();
    await server.shutdown();
  });

  it("of how many bytes a client sends: nothing is lost, and it waits", async () => {
    const got: string[] = [];
    const { hub, server, url } = await served({
      maxReceivedBytesPerSecond: 100_000,
      rateBurstMs: 100,
      windowBytes: 8_000, // so that it waits at the client
      message: (_session, data) => void got.push(String(data)),
    });
    const client = await TestSession.open(url);
    const texts = Array.from({ length: 40 }, (_, i) => String(i).padEnd(1_000, "."));
    const begunAt = performance.now();
    for (const text of texts) client.send(text);
    await until(() => got.length === texts.length, "all came");
    const tookMs = performance.now() - begunAt;
    assert.ok(tookMs >= 250, `40 kB at 100 kB a second, 10 kB at once, took ${tookMs} ms`);
    assert.deepEqual(got, texts);
    assert.equal(hub.counts.received, 40);
    await client.close();
    await server.shutdown();
  });

  it("of the time that a session waits for its client", async () => {
    const seen: string[] = [];
    const { hub, server, url } = await served({
      resumeWindowMs: 100,
      reset: (_session, { code, unconfirmed }) =>
        void seen.push(`${code} ${unconfirmed.map(({ data }) => data).join()}`),
    });
    const client = await TestSession.open(url, { reconnectDelayMs: 1_000_000_000 });
    client.cut();
    await until(() => hub.counts.suspended === 1, "it waits");
    const [session] = hub.sessions.values();
    session!.send("never");
    await until(() => hub.sessions.size === 0, "it has expired");
    assert.deepEqual(seen, ["4200 never"]);
    assert.deepEqual(Object.entries(hub.counts.resets), [["expired", 1]]);
    await client.dial();
    const end = await client.ended();
    assert.deepEqual([end.code, end.isReset], [4200, true]);
    await server.shutdown();
  });

  it("of what they hold: those that wait go first, the largest of them, and are told why", async () => {
    const { hub, server, url } = await served({ maxHeldBytes: 300_000, maxOutboxBytes: 200_000 });
    const live = await TestSession.open(url);
    const large = await TestSession.open(url, { reconnectDelayMs: 1_000_000_000 });
    const small = await TestSession.open(url, { reconnectDelayMs: 1_000_000_000 });
    const [liveOne, largeOne, smallOne] = hub.sessions.values();
    for (const client of [large, small]) client.cut();
    await until(() => hub.counts.suspended === 2, "two wait");
    for (let i = 0; i < 12; i++) largeOne!.send(new Uint8Array(12_000));
    for (let i = 0; i < 8; i++) smallOne!.send(new Uint8Array(12_000));
    assert.equal(hub.sessions.size, 3);
    for (let i = 0; i < 10; i++) liveOne!.send(new Uint8Array(12_000));
    await until(() => hub.sessions.size === 2, "one was evicted");
    assert.deepEqual([...hub.sessions.values()], [liveOne, smallOne]);
    assert.ok(hub.counts.heldBytes <= 300_000);
    assert.deepEqual(Object.entries(hub.counts.resets), [["evicted", 1]]);
    await large.dial();
    assert.equal((await large.ended()).code, 4201);
    await small.dial();
    await small.isLive();
    await small.messages(8);
    await live.messages(10);
    await Promise.all([live.close(), small.close()]);
    await until(() => hub.counts.heldBytes === 0, "nothing is held");
    await server.shutdown();
  });

  it("of what they hold, also while nobody reads: those that wait are evicted for new ones", async () => {
    const { hub, server, url } = await served({ maxHeldBytes: 100_000 });
    const waiting = await Promise.all(
      [0, 1, 2].map(() => TestSession.open(url, { reconnectDelayMs: 1_000_000_000 })),
    );
    for (const client of waiting) client.cut();
    await until(() => hub.counts.suspended === 3, "all wait");
    for (let i = 0; i < 600; i++) hub.broadcast("x".repeat(200));
    await until(() => hub.counts.heldBytes <= 100_000, "some were evicted");
    assert.ok(hub.sessions.size < 3);
    assert.equal(hub.counts.resets["evicted"], 3 - hub.sessions.size);
    const live = await TestSession.open(url);
    assert.equal(live.state, "live");
    await live.close();
    for (const session of hub.sessions.values()) session.end();
    for (const client of waiting) {
      await client.dial();
      await client.ended();
    }
    await server.shutdown();
  });

  it("of what each keeps, on the short way as well: bytes and messages", async () => {
    for (const [limits, least] of [
      [{ maxOutboxBytes: 20_000 }, 100],
      [{ maxOutboxMessages: 10 }, 10],
    ] as const) {
      const { hub, server, url } = await served(limits);
      const client = await TestSession.open(url, { reconnectDelayMs: 1_000_000_000 });
      const [session] = hub.sessions.values();
      let sent = 0;
      for (let i = 0; i < 2_000; i++) if (session!.send("x".repeat(40)) === "sent") sent++;
      assert.ok(session!.heldBytes <= 20_500, "and what stands before each message");
      assert.ok(sent >= least && sent <= (least === 10 ? 10 : 200), `${sent} were taken`);
      await client.messages(sent);
      await client.close();
      await server.shutdown();
    }
  });

  it("of pongs for a client that fetches none", async () => {
    const { hub, server, url } = await served({ message() {} });
    const transport = new RawTransport(url);
    await transport.down(1, 0, [openOf()]);
    const pings = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([PING_PACKET, 1, 1])));
    for (let number = 2; number < 12; number++)
      assert.equal((await transport.up(number, pings, pings)).status, 204);
    const { body } = await transport.down(12, 1);
    assert.ok(body.length < 200_000, `${body.length} bytes of pongs`);
    for (const session of hub.sessions.values()) session.end();
    await server.shutdown({ drainTimeoutMs: 0 });
  });

  it("of how often an address has other nodes asked for a session that may be theirs", async () => {
    const broker = memoryBroker();
    let asked = 0;
    broker.subscribe("hawser.relay.all", () => void asked++);
    const { hub, server, url } = await served({ broker, maxOpensPerSecond: 1 });
    await rounds(5);
    asked = 0;
    const begunAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => new RawTransport(url).down(1, 0, [openOf({ isProbe: true })])),
    );
    assert.equal(answers.length, 50);
    const most = 4 + (performance.now() - begunAt) / 1_000;
    assert.ok(asked <= 2 * most, `${asked} questions`);
    assert.ok((hub.counts.refused["tryAgainLater"] ?? 0) >= 50 - most);
    for (const session of hub.sessions.values()) session.end();
    await server.shutdown({ drainTimeoutMs: 0 });
  });

  it("of transports over HTTP: last words that nobody fetches keep nobody out", async () => {
    const { hub, server, url } = await served({ maxSessions: 5 });
    const open = { id: randomBytes(16), token: randomBytes(16) };
    for (let epoch = 1; epoch <= 20; epoch++) {
      const { status } = await new RawTransport(url).down(1, 0, [openOf({ ...open, epoch })]);
      assert.equal(status, 200);
    }
    assert.equal(hub.sessions.size, 1);
    const another = await TestSession.open(url, { via: "long-polling" });
    assert.equal(another.state, "live");
    await another.close();
    for (const session of hub.sessions.values()) session.end();
    await server.shutdown({ drainTimeoutMs: 0 });
  });

  it("of pieces may be no whole number: there are no halves of bytes", async () => {
    const { hub, server, url } = await served({ pieceBytes: 1_000.5 });
    const client = await TestSession.open(url);
    const text = "x".repeat(5_000);
    [...hub.sessions.values()][0]!.send(text);
    await until(() => client.received.length > 0 || client.codes.length > 0, "it comes");
    assert.deepEqual([client.received, client.codes], [[text], []]);
    await client.close();
    await server.shutdown();
  });

  it("are checked", () => {
    for (const options of [
      { maxSessions: 0 },
      { resumeWindowMs: -1 },
      { pieceBytes: 65_536 },
      { maxOutboxBytes: Number.NaN },
      { windowBytes: Infinity },
      { transports: ["pigeon"] },
      { origins: ["not an origin"] },
    ]) {
      assert.throws(
        () => createHub(options as HubOptions),
        (error) => error instanceof UsageError && error.code === "INVALID_OPTION",
        JSON.stringify(options),
      );
    }
  });
});
