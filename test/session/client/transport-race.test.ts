import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { connect, type SessionState, type TransportName } from "hawser";
import type { Transport } from "#session/transport-port.js";
import { PacketType } from "#session/wire/packet-type.js";
import { webSocketDialer } from "#web/websocket-dialer.js";
import { Inbox } from "../../support/inbox.js";
import { ScriptedSession, type ScriptedTransport } from "./scripted-session.js";

const SESSION_ID = "00112233445566778899aabbccddeeff";

const ALL: readonly TransportName[] = ["websocket", "stream", "long-polling"];

describe("the race of transports", () => {
  it("tries no other way to a server that asks to stay away, and stays away as long", async () => {
    const one = new ScriptedSession(ALL);
    (await one.dial()).open().end("leave", 4005, 5_000);
    await one.pass(4_900);
    assert.equal(one.dials.length, 0);
    assert.equal(one.session.state.status, "waiting");
    await one.pass(200);
    assert.equal((await one.dial()).name, "websocket");
  });

  it("gives a transport company that does not prove itself, and drops it when the other one wins", async () => {
    const one = new ScriptedSession(ALL);
    const first = (await one.dial()).open();
    await one.pass(1_500);
    const second = (await one.dial()).open();
    second.welcome();
    await one.pass(0);
    assert.deepEqual(one.session.state, { status: "live", transport: "stream" });
    assert.ok(first.isClosed);
    assert.equal(one.dials.filter(({ isAborted }) => !isAborted).length, 0);
  });

  it("is patient with a server that worked: where all of its clients come back at once, each comes over few ways", async () => {
    const one = new ScriptedSession(["websocket", "stream", "sse", "long-polling"]);
    const transport = await one.live();
    await one.pass(6_000);
    transport.break();
    (await one.dial()).open();
    await one.pass(1_400);
    assert.equal(one.dials.length, 0);
    await one.pass(100);
    const second = (await one.dial()).open();
    await one.pass(2_900);
    assert.equal(one.dials.length, 0);
    await one.pass(100);
    assert.equal((await one.dial()).name, "sse");
    // Who fails says something: the next one is not put off.
    second.break();
    assert.equal((await one.dial()).name, "long-polling");
    one.tell("unload");
    await one.pass(0);
    assert.equal(one.timers, 0);
  });

  it("tries others first when a transport begins, and breaks, again and again", async () => {
    const one = new ScriptedSession(ALL);
    for (let i = 0; i < 3; i++) {
      const transport = await one.live();
      assert.equal(transport.name, "websocket");
      await one.pass(100);
      transport.break();
      await one.pass(1_100);
    }
    assert.equal((await one.live()).name, "stream");
  });

  it("settles on what works where a better one lives for a second, each time", async () => {
    const one = new ScriptedSession(["websocket", "stream"]);
    let liveMs = 0;
    let deaths = 0;
    const dying: { readonly transport: ScriptedTransport; readonly atMs: number }[] = [];
    while (one.clock.nowMs < 300_000) {
      for (const dial of one.dials.splice(0)) {
        if (dial.isAborted) continue;
        const transport = dial.open();
        transport.welcome();
        if (transport.name === "websocket") dying.push({ transport, atMs: one.clock.nowMs + 1_000 });
      }
      await one.pass(100);
      if (one.session.state.status === "live") liveMs += 100;
      while (dying.length > 0 && dying[0]!.atMs <= one.clock.nowMs) {
        dying.shift()!.transport.break();
        deaths++;
      }
    }
    assert.ok(liveMs > 280_000, `live for ${liveMs} of 300,000 ms`);
    // Three in the beginning, and one each time that it is tried again: later and later.
    assert.ok(deaths <= 8, `${deaths} short lives`);
  });

  it("keeps to one that lived for a while", async () => {
    const one = new ScriptedSession(ALL);
    for (let i = 0; i < 5; i++) {
      const transport = await one.live();
      assert.equal(transport.name, "websocket");
      await one.pass(6_000);
      transport.break();
      await one.pass(1_000);
    }
  });

  it("begins with what worked last, and moves up to what is better when it works again", async () => {
    const one = new ScriptedSession(ALL);
    (await one.dial()).fail();
    const stream = await one.live();
    await one.pass(14_000);
    assert.equal(one.dials.length, 0);
    await one.pass(1_100);
    const probe = (await one.dial()).open();
    assert.equal(probe.name, "websocket");
    assert.equal(stream.isClosed, false);
    probe.welcome();
    await one.pass(0);
    assert.deepEqual(one.session.state, { status: "live", transport: "websocket" });
    // The server closes the one that was replaced; we do once it has spoken over the new one.
    probe.receiver.block(Uint8Array.of(PacketType.pong, 1, 0), 0, 3);
    await one.pass(0);
    assert.ok(stream.isClosed);
  });

  it("goes back to what it was moved from, and to nothing between, where the better one breaks soon", async () => {
    const one = new ScriptedSession(ALL);
    (await one.dial()).fail();
    (await one.dial()).fail();
    assert.equal((await one.live()).name, "long-polling");
    await one.pass(15_100);
    const probe = await one.live();
    assert.deepEqual(one.session.state, { status: "live", transport: "websocket" });
    await one.pass(100);
    probe.break();
    await one.pass(1_100);
    assert.equal((await one.dial()).name, "long-polling");
  });

  it("looks for a better one again and again, half as often each time, and at once when the network is another one", async () => {
    const one = new ScriptedSession(["websocket", "stream"]);
    (await one.dial()).fail();
    const carrying = await one.live();
    for (const afterMs of [15_000, 30_000, 60_000]) {
      await one.pass(afterMs - 1);
      assert.equal(one.dials.length, 0);
      await one.pass(1);
      (await one.dial()).fail();
    }
    assert.equal(carrying.isClosed, false);
    one.tell("online");
    const probe = await one.dial();
    one.tell("online"); // is looked for already
    await one.pass(0);
    assert.deepEqual([one.dials.length, probe.isAborted], [0, false]);
    probe.fail();
    await one.pass(15_000);
    (await one.dial()).open().welcome();
    await one.pass(0);
    assert.deepEqual(one.session.state, { status: "live", transport: "websocket" });
    one.tell("unload");
    await one.pass(0);
    assert.equal(one.timers, 0);
  });

  it("does not take for lost what is still being tried, nor what the clock says comes from the future", async () => {
    const one = new ScriptedSession(["websocket", "stream"]);
    one.memory.set("example.com", `stream ${1_000_000_000_000 + 60_000}`);
    const first = await one.dial();
    assert.equal(first.name, "websocket");
    await one.pass(1_500);
    (await one.dial()).fail();
    await one.pass(5_000);
    assert.deepEqual([one.session.state.status, one.dials.length, first.isAborted], ["connecting", 0, false]);
    first.open().welcome();
    await one.pass(0);
    assert.equal(one.session.state.status, "live");
  });

  it("gives each its time, also one that was dialled since another one failed", async () => {
    const one = new ScriptedSession(ALL);
    const first = await one.dial();
    await one.pass(1_000);
    first.fail();
    assert.equal((await one.dial()).name, "stream");
    await one.pass(1_400);
    assert.equal(one.dials.length, 0);
    await one.pass(100);
    assert.equal((await one.dial()).name, "long-polling");
    one.tell("unload");
    await one.pass(0);
    assert.equal(one.timers, 0);
  });

  it("does not look for a better transport while there is none at all", async () => {
    const one = new ScriptedSession(["websocket", "stream"], {
      reconnectDelayMs: 60_000,
      maxReconnectDelayMs: 60_000,
    });
    (await one.dial()).fail();
    (await one.live()).break();
    assert.equal(one.session.state.status, "waiting");
    await one.pass(20_000);
    assert.equal(one.dials.length, 0);
  });

  it("says of each transport why it is not used, also of those that were open", async () => {
    const one = new ScriptedSession(ALL);
    (await one.dial()).fail(0, "connection refused");
    (await one.dial()).open().receiver.closed(0, "no answer");
    (await one.dial()).open().end("leave", 4005);
    const { state } = one.session;
    assert.equal(state.status === "waiting" && state.reason, "connection refused; no answer");
    const other = new ScriptedSession(ALL);
    (await other.dial()).open().end("leave", 4005, 5_000); // and not a word
    const { state: waiting } = other.session;
    assert.equal(waiting.status === "waiting" && waiting.reason, "closed with 4005");
  });

  it("takes a WebSocket that cannot even be made for one that failed", async () => {
    const failed = new Inbox<string>("failure");
    const dialer = webSocketDialer(
      "ws://127.0.0.1/",
      class {
        constructor() {
          throw new Error("not from a secure page");
        }
      } as never,
    );
    const dial = (): (() => void) =>
      dialer.dial(
        () => {},
        (_code, reason) => failed.push(reason),
        SESSION_ID,
      );
    dial();
    assert.match(await failed.next(), /not from a secure page/);
    dial()();
    await new Promise(setImmediate);
    assert.equal(failed.size, 0);
  });

  it("leaves no WebSocket open that is given up before it is, and lets go of one that is", () => {
    const told: string[] = [];
    let socket!: { onopen(): void; onclose(end: object): void };
    class Scripted {
      constructor() {
        socket = this as unknown as typeof socket;
      }
      close(): void {
        told.push("close");
      }
    }
    const dialer = webSocketDialer("ws://example.com/", Scripted as unknown as typeof WebSocket);
    const dial = (): (() => void) =>
      dialer.dial(
        () => told.push("opened"),
        () => told.push("failed"),
        SESSION_ID,
      );
    const giveUp = dial();
    giveUp();
    giveUp();
    socket.onopen();
    socket.onclose({ code: 1006, reason: "" });
    assert.deepEqual(told, ["close"]);
    const done = dial();
    socket.onopen();
    done();
    assert.deepEqual(told, ["close", "opened"]);
  });

  it("closes a WebSocket of a browser with what a browser takes", () => {
    const closes: unknown[][] = [];
    let socket!: { onopen(): void };
    class FakeWebSocket {
      onopen: (() => void) | null = null;
      constructor() {
        socket = this as never;
      }
      close(...given: unknown[]): void {
        closes.push(given);
      }
    }
    const opened: Transport[] = [];
    webSocketDialer("ws://127.0.0.1/", FakeWebSocket as never).dial(
      (transport) => void opened.push(transport),
      () => {},
      SESSION_ID,
    );
    socket.onopen();
    opened[0]!.close(4400, "a reason that browsers would not take ".repeat(10));
    opened[0]!.close(1001, "");
    assert.deepEqual(closes, [[4400], [1000]]);
  });

  it("comes back to a server that has no room over HTTP when that says so", async () => {
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(503, { "retry-after": "7" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const states = new Inbox<SessionState>("state");
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}/live`, {
      transports: ["long-polling", "polling"],
      state: (_session, state) => states.push(state),
    });
    const state = await states.next();
    assert.ok(state.status === "waiting" && state.untilMs - Date.now() > 5_000);
    await session.close();
    server.close();
    server.closeAllConnections();
  });
});
