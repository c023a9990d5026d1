import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { createHub, type HubSession } from "hawser/hub";
import { serve } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { DIALERS, TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";

/** Numbers, from 0 on. */
function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

describe("a session on a server", () => {
  after(leakCheck());

  for (const via of DIALERS.keys()) {
    it(`echoes over ${via}: text, bytes, and what takes several blocks`, async () => {
      const hub = createHub({ message: (session, data) => void session.send(data) });
      const server = await serve({ routes: { "/live": hub } });
      const client = await TestSession.open(`${server.url}/live`, { via });
      assert.equal([...hub.sessions.values()][0]!.transport, via);
      const sent = ["one", "\u{1F6A2} åé", new Uint8Array([0, 255, 10]), "", "x".repeat(200_000)];
      for (const data of sent) client.send(data);
      const received = await client.messages(sent.length);
      assert.deepEqual(
        received.map((data) => (typeof data === "string" ? data : [...data])),
        sent.map((data) => (typeof data === "string" ? data : [...data])),
      );
      const end = await client.close();
      assert.deepEqual([end.code, end.isReset, end.unconfirmed.length], [4400, false, 0]);
      await server.shutdown();
    });

    it(`loses and doubles nothing when its transports are cut: ${via}`, async () => {
      const received: string[] = [];
      const hub = createHub({ message: (_session, data) => void received.push(String(data)) });
      const server = await serve({ routes: { "/live": hub } });
      const client = await TestSession.open(`${server.url}/live`, { via, reconnectDelayMs: 1 });
      const [session] = hub.sessions.values();
      for (const [i, number] of numbers(60).entries()) {
        client.send(number);
        session!.send(number);
        if (i % 20 === 10) {
          await until(() => received.length > i - 5, "some came");
          client.cut();
          await until(() => client.state === "suspended" || hub.counts.resumed > 0, "it was noticed");
        }
      }
      await client.messages(60);
      await until(() => received.length >= 60, "all came");
      assert.deepEqual(client.received, numbers(60));
      assert.deepEqual(received, numbers(60));
      assert.ok(hub.counts.resumed > 0);
      assert.equal(hub.counts.opened, 1);
      await client.close();
      await server.shutdown();
    });
  }

  it("moves between all ways while messages go to and fro", async () => {
    const received: string[] = [];
    const hub = createHub({ message: (_session, data) => void received.push(String(data)) });
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`);
    const [session] = hub.sessions.values();
    const ways = ["long-polling", "sse", "websocket", "polling", "stream", "websocket"] as const;
    let count = 0;
    for (const via of ways) {
      const moved = client.moveTo(via);
      for (let i = 0; i < 20; i++, count++) {
        client.send(String(count));
        session!.send(String(count));
        if (i % 5 === 0) await new Promise(setImmediate);
      }
      await moved;
      await until(() => session!.transport === via, `the server uses ${via}`);
    }
    await client.messages(count);
    await until(() => received.length >= count, "all came");
    assert.deepEqual(client.received, numbers(count));
    assert.deepEqual(received, numbers(count));
    assert.deepEqual([hub.counts.opened, hub.counts.resumed], [1, ways.length]);
    assert.equal(client.states.filter((state) => state === "suspended").length, 0);
    await client.close();
    await server.shutdown();
  });

  it("takes a session over at once from a transport that has not failed yet", async () => {
    const hub = createHub({});
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`);
    const first = client.transport!;
    let closedWith = 0;
    const { receiver } = first;
    first.receiver = {
      block: () => {}, // a dead line: nothing comes through, and nobody has noticed
      drained: () => {},
      lost: () => {},
      closed: (code, reason) => {
        closedWith = code;
        receiver.closed(code, reason);
      },
    };
    await client.dial();
    await until(() => closedWith !== 0, "the first one was dropped");
    assert.equal(closedWith, 4000);
    const [session] = hub.sessions.values();
    assert.equal(session!.state, "live");
    assert.equal(hub.counts.suspensions, 0);
    await client.close();
    await server.shutdown();
  });

  it("tells its end last, also where a listener ends it when it is suspended, or goes on", async () => {
    for (const endsAt of ["suspended", "live"] as const) {
      const told: string[] = [];
      let isFirst = true;
      const hub = createHub({
        open(session) {
          session.onState((state) => {
            told.push(`one: ${state}`);
            if (state === endsAt && !(isFirst && state === "live")) session.end(4403, "enough");
            isFirst = false;
          });
          const stop = session.onState((state) => {
            told.push(`two: ${state}`);
            if (state === "closed") stop();
          });
        },
        message() {},
        suspended: () => void told.push("suspended"),
        resumed: () => void told.push("resumed"),
        reset: () => void told.push("reset"),
      });
      const server = await serve({ routes: { "/live": hub } });
      const client = await TestSession.open(`${server.url}/live`, { reconnectDelayMs: 1 });
      client.cut();
      await until(() => told.includes("reset"), "it was ended");
      await until(() => client.state === "closed", "the client was told");
      await server.shutdown();
      const before = ["one: live", "two: live", "one: suspended"];
      if (endsAt === "live") before.push("two: suspended", "suspended", "one: live");
      assert.deepEqual(told, [...before, "one: closed", "two: closed", "reset"]);
      assert.equal(hub.counts.suspended, 0);
    }
  });

  it("keeps what is sent while there is no transport", async () => {
    const seen: string[] = [];
    const hub = createHub({
      open: () => void seen.push("open"),
      suspended: (session, { code }) => {
        seen.push(`suspended ${code}`);
        for (const text of ["a", "b", "c"]) assert.equal(session.send(text), "sent");
      },
      resumed: (session) => void seen.push(`resumed ${session.state}`),
      closed: (_session, end) => void seen.push(`closed ${end.code} ${end.reason}`),
      reset: () => void seen.push("reset"),
    });
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`);
    client.cut();
    assert.deepEqual(await client.messages(3), ["a", "b", "c"]);
    await client.close(4400, "done");
    await until(() => hub.sessions.size === 0, "it is gone");
    assert.deepEqual(seen, ["open", "suspended 4007", "resumed live", "closed 4400 done"]);
    await server.shutdown();
  });

  it("says what happened to a message, and when there is room again", async () => {
    const hub = createHub({ maxOutboxBytes: 200_000 });
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`);
    const [session] = hub.sessions.values();
    const statuses = new Set<string>();
    for (let i = 0; i < 60; i++) statuses.add(session!.send("x".repeat(8_000)));
    assert.ok(statuses.has("sent") && statuses.has("queued") && statuses.has("dropped"));
    assert.ok(hub.counts.dropped > 0);
    assert.equal(await session!.ready(), true);
    assert.equal(session!.send("behind"), "sent");
    await until(() => client.received.at(-1) === "behind", "the last one");
    await client.close();
    assert.equal(session!.send("late"), "closed");
    assert.equal(await session!.ready(), false);
    await server.shutdown();
  });

  it("does not wait for room for what is too long, and refuses what is no message", async () => {
    const hub = createHub({});
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`);
    const [session] = hub.sessions.values();
    for (const channel of [session!, session!.channel("other")]) {
      assert.equal(channel.send(new Uint8Array(17 * 1024 * 1024)), "too-long");
      assert.equal(channel.send("é".repeat(8 * 1024 * 1024 + 1)), "too-long");
      assert.equal(await channel.ready(), true);
    }
    const long = new Uint8Array(17 * 1024 * 1024);
    assert.equal(hub.broadcast(long)["too-long"], 1);
    assert.equal(hub.broadcast(long, { channel: "other" })["too-long"], 1);
    assert.equal(hub.counts.dropped, 6);
    for (const send of [
      (...given: Parameters<HubSession["send"]>) => session!.send(...given),
      (...given: Parameters<HubSession["send"]>) => session!.channel("other").send(...given),
      (...given: Parameters<HubSession["send"]>) => hub.broadcast(...given),
    ]) {
      for (const data of [undefined, null, 1, {}, new ArrayBuffer(1), []])
        assert.throws(() => send(data as never), { code: "INVALID_PAYLOAD" });
      for (const length of [0, 33, 300])
        assert.throws(() => send("a", { id: new Uint8Array(length) }), { code: "INVALID_OPTION" });
    }
    session!.send("good", { id: new Uint8Array(32) });
    assert.deepEqual(await client.messages(1), ["good"]);
    await client.close();
    await server.shutdown();
  });

  it("sends a broadcast to all but those that are left out, text as text", async () => {
    const hub = createHub({});
    const server = await serve({ routes: { "/live": hub } });
    const clients: TestSession[] = [];
    for (const via of ["websocket", "sse", "long-polling"] as const)
      clients.push(await TestSession.open(`${server.url}/live`, { via }));
    const [first] = hub.sessions.values();
    assert.deepEqual(hub.broadcast("für alle"), { sent: 3, queued: 0, dropped: 0, closed: 0, "too-long": 0 });
    assert.equal(hub.broadcast(new Uint8Array([1]), { except: first }).sent, 2);
    const isFirst = (session: HubSession): boolean => session === first;
    assert.equal(hub.broadcast("named", { channel: "news", where: isFirst }).sent, 1);
    assert.equal(hub.broadcast("nobody's", { to: [] }).sent, 0);
    assert.deepEqual(await clients[0]!.messages(2), ["für alle", "named"]);
    assert.deepEqual(clients[0]!.byChannel[1], ["news", "named"]);
    for (const client of clients.slice(1)) {
      const [text, bytes] = await client.messages(2);
      assert.equal(text, "für alle");
      assert.deepEqual([...(bytes as Uint8Array)], [1]);
    }
    await Promise.all(clients.map((client) => client.close()));
    await server.shutdown();
  });

  it("sends a broadcast to those of a room, live or not, each once", async () => {
    const hub = createHub({});
    const server = await serve({ routes: { "/live": hub } });
    const clients: TestSession[] = [];
    for (const via of ["websocket", "sse", "long-polling"] as const)
      clients.push(await TestSession.open(`${server.url}/live`, { via }));
    const [first, second, third] = [...hub.sessions.values()] as [HubSession, HubSession, HubSession];
    assert.equal(hub.broadcast("a room", { to: new Set([first, third]) }).sent, 2);
    assert.equal(hub.broadcast("once", { to: [first, first] }).sent, 1);
    assert.equal(hub.broadcast("named", { channel: "news", to: [second, third], except: third }).sent, 1);
    assert.deepEqual(await clients[0]!.messages(2), ["a room", "once"]);
    assert.deepEqual(await clients[1]!.messages(1), ["named"]);
    assert.deepEqual(await clients[2]!.messages(1), ["a room"]);
    await Promise.all(clients.map((client) => client.close()));
    await until(() => hub.sessions.size === 0, "all have ended");
    assert.equal(hub.broadcast("too late", { to: [first, second] }).closed, 2);
    await server.shutdown();
  });

  it("loses and doubles nothing of broadcasts, whatever numbers and ways the sessions have", async () => {
    const hub = createHub({});
    const server = await serve({ routes: { "/live": hub } });
    const ways = [...Array<"websocket">(4).fill("websocket"), ...DIALERS.keys()];
    const clients: TestSession[] = [];
    for (const via of ways)
      clients.push(await TestSession.open(`${server.url}/live`, { via, reconnectDelayMs: 1 }));
    const expected: string[][] = clients.map(() => []);
    const sessions = [...hub.sessions.values()];
    for (let i = 0; i < 60; i++) {
      // Some in one turn, some alone; some go to most of them, or stand behind what one session is sent alone.
      const except = i % 7 === 3 ? sessions[2] : undefined;
      hub.broadcast(`to all ${i}`, { except });
      for (const [at, list] of expected.entries()) if (sessions[at] !== except) list.push(`to all ${i}`);
      if (i % 5 === 1) {
        sessions[1]!.send(`to one ${i}`);
        expected[1]!.push(`to one ${i}`);
      }
      if (i % 4 === 3) await new Promise(setImmediate);
      if (i % 20 === 11) for (const client of clients.slice(3)) client.cut();
    }
    for (const [at, client] of clients.entries())
      assert.deepEqual(await client.messages(expected[at]!.length), expected[at]);
    assert.ok(hub.counts.resumed > 0);
    await Promise.all(clients.map((client) => client.close()));
    await server.shutdown();
  });
});
