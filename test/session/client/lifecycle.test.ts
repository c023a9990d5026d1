import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import type { Peer } from "hawser";
import { nodeClientHost } from "#node/session/node-client-host.js";
import { browserHost } from "#web/browser-host.js";
import { ScriptedSession } from "./scripted-session.js";

describe("the states of a client's session", () => {
  it("begins no other session when it is reset while the application closes it", async () => {
    const one = new ScriptedSession(["websocket"]);
    const transport = await one.live();
    one.session.send("never confirmed");
    await one.pass(0);
    const closed = one.session.close();
    transport.break();
    await one.pass(1_000);
    (await one.dial()).open().end("reset", 4202);
    await one.pass(100_000);
    assert.equal((await closed).code, 4202);
    assert.equal(one.session.state.status, "closed");
    assert.equal(one.dials.length, 0);
    assert.equal(one.timers, 0);
  });

  it("comes back at once to be closed: what was sent while it waited is not lost for that", async () => {
    const one = new ScriptedSession(["websocket"], { reconnectDelayMs: 30_000, closeTimeoutMs: 10_000 });
    (await one.live()).break();
    one.session.send("while it waits");
    assert.equal(one.session.state.status, "waiting");
    const closed = one.session.close();
    const transport = await one.live();
    await one.pass(0);
    assert.ok(transport.sent.some((block) => Buffer.from(block).includes("while it waits")));
    transport.end("reset", 4400);
    assert.equal((await closed).code, 4400);
    // But not before the server wants to see it.
    const other = new ScriptedSession(["websocket"], { closeTimeoutMs: 10_000 });
    (await other.live()).end("leave", 4001, 20_000);
    other.session.send("while it is away");
    const late = other.session.close();
    await other.pass(9_000);
    assert.deepEqual([other.dials.length, other.session.state.status], [0, "waiting"]);
    await other.pass(2_000);
    assert.equal((await late).unconfirmed.length, 1);
  });

  it("waits longer and longer for a server that resets each session soon after it began", async () => {
    const one = new ScriptedSession(["websocket"]);
    let begun = 0;
    while (one.clock.nowMs < 60_000) {
      for (const dial of one.dials.splice(0)) {
        const transport = dial.open();
        transport.welcome();
        begun++;
        await one.pass(5);
        transport.end("reset", 4201);
      }
      await one.pass(10);
    }
    assert.ok(begun <= 12, `${begun} sessions in a minute`);
    // Behind one that lived, the next begins at once.
    await one.pass(60_000);
    const transport = await one.live();
    await one.pass(6_000);
    transport.end("reset", 4201);
    await one.live();
    assert.equal(one.session.state.status, "live");
  });

  it("has its end told although a receiver never ends, nor does the other side answer", async () => {
    const one = new ScriptedSession(["websocket"], {
      closeTimeoutMs: 1_000,
      message: () => new Promise<void>(() => {}),
    });
    const transport = await one.live();
    transport.message("hello");
    transport.isSilent = true;
    const closed = one.session.close();
    await one.pass(2_100);
    assert.equal(one.session.state.status, "closed");
    assert.equal((await closed).code, 4400);
    assert.equal(one.timers, 0);
  });

  it("tells nobody of a state that is over, nor those who came meanwhile or have left", async () => {
    const told: string[] = [];
    const one = new ScriptedSession(["websocket"]);
    const { session } = one;
    const stops: (() => void)[] = [];
    session.subscribe(({ status }) => {
      told.push(`first ${status}`);
      if (status !== "waiting") return;
      stops[0]!();
      session.subscribe((state) => told.push(`late ${state.status}`));
      void session.close();
    });
    stops.push(session.subscribe(({ status }) => told.push(`left ${status}`)));
    session.subscribe(({ status }) => told.push(`last ${status}`));
    (await one.dial()).fail();
    await one.pass(0);
    assert.deepEqual(told, ["first waiting", "first closed", "last closed", "late closed"]);
  });

  it("is not live for its peer where a handler of its state has just cost it its transport", async () => {
    const told: string[] = [];
    const one = new ScriptedSession(["websocket"]);
    const { session } = one;
    session.subscribe(({ status }) => {
      told.push(status);
      const channel = session.channel("much", { policy: "disconnect", maxQueuedBytes: 1_000 });
      while (told.length === 1 && channel.send(new Uint8Array(10_000)) !== "dropped");
    });
    session.onPeer((peer) => peer.onState((state) => told.push(`peer ${state}`)));
    (await one.dial()).open().welcome();
    assert.deepEqual(told, ["live", "peer suspended", "waiting"]);
    await one.pass(1_000);
    await one.live();
    assert.deepEqual(told.slice(3), ["recovering", "live", "peer live"]);
    one.tell("unload");
    await one.pass(0);
    assert.equal(one.timers, 0);
  });

  it("gives each peer once to a listener that was added within another one, and begins nothing behind its end", async () => {
    const one = new ScriptedSession(["websocket"]);
    const told: string[] = [];
    one.session.onPeer((peer) => {
      one.session.onPeer((same) => told.push(`${same.id === peer.id}`));
      if (told.length > 1) void one.session.close();
    });
    (await one.live()).end("reset", 4201);
    await one.pass(0);
    assert.deepEqual(told, ["true", "false", "true"]);
    assert.equal(one.session.state.status, "closed");
    await one.pass(1_000);
    assert.equal(one.session.state.status, "closed");
    assert.equal(one.timers, 0);
  });

  it("stays closed where a listener closes the session that follows one that lived", async () => {
    let asked = 0;
    const one = new ScriptedSession(["websocket"], { credentials: () => `${++asked}` });
    const transport = await one.live();
    await one.pass(6_000);
    let begun = 0;
    one.session.onPeer(() => void (begun++ > 0 && one.session.close()));
    transport.end("reset", 4201);
    await one.pass(1_000);
    assert.deepEqual([one.session.state.status, one.dials.length, asked, one.timers], ["closed", 0, 1, 0]);
  });

  it("is not live any more for its listeners while what came before its end is handed over", async () => {
    const finish: (() => void)[] = [];
    const one = new ScriptedSession(["websocket"], {
      message: () => new Promise<void>((resolve) => finish.push(resolve)),
    });
    const transport = await one.live();
    const peers: Peer[] = [];
    one.session.onPeer((peer) => peers.push(peer));
    transport.message("hello");
    transport.end("reset", 4201);
    assert.equal(peers[0]!.state, "suspended");
    finish[0]!();
    await one.pass(0);
    assert.equal(peers[0]!.state, "closed");
    await one.session.close();
  });

  it("dials nothing while what came before its end is handed over, whatever its host says", async () => {
    const finish: (() => void)[] = [];
    const one = new ScriptedSession(["websocket", "stream"], {
      message: () => new Promise<void>((resolve) => finish.push(resolve)),
    });
    (await one.dial()).fail();
    const transport = await one.live(); // over the stream: a better one is to be tried later
    transport.message("hello");
    transport.end("reset", 4201);
    one.tell("online");
    one.session.reconnect();
    await one.pass(100);
    assert.equal(one.dials.length, 0);
    finish[0]!();
    await one.pass(1_000);
    assert.equal((await one.live()).name, "stream");
  });

  it("has the receivers that are there just now, in the next session as well", async () => {
    const told: string[] = [];
    const one = new ScriptedSession(["websocket"]);
    const receiver = (name: string) => ({ message: () => void told.push(name) });
    const stop = one.session.receive("", receiver("first"));
    one.session.receive("", receiver("second"));
    stop(); // another one has taken its place
    const first = await one.live();
    first.message("a");
    first.end("reset", 4201);
    await one.pass(1_000);
    const second = await one.live();
    second.message("b");
    one.session.receive("", undefined);
    second.message("c");
    second.end("reset", 4201);
    await one.pass(1_000);
    (await one.live()).message("d");
    assert.deepEqual(told, ["second", "second"]);
    one.tell("unload");
  });

  it("begins the next session whatever a listener throws, and gives a closed one to nobody", async () => {
    const errors: string[] = [];
    const one = new ScriptedSession(["websocket"], {
      error: (_session, error) => void errors.push(String(error)),
    });
    const transport = await one.live();
    let peers = 0;
    one.session.onPeer(() => {
      if (peers++ > 0) throw new Error("not taken");
    });
    transport.end("reset", 4201);
    await one.pass(1_000);
    await one.live();
    assert.deepEqual([errors, peers], [["Error: not taken"], 2]);
    one.tell("unload");
    one.session.onPeer(() => assert.fail("it is closed"));
    one.tell("unload"); // nobody listens
    await one.pass(1_000);
    assert.deepEqual([one.session.state.status, one.dials.length, one.timers], ["closed", 0, 0]);
    assert.equal(one.isWatched, false);
  });

  for (const [what, end] of [
    [
      "what it says over the transport",
      async (one: ScriptedSession) => (await one.live()).end("leave", 4004, 30_000),
    ],
    ["what it says before that", async (one: ScriptedSession) => (await one.dial()).fail(30_000)],
  ] as const) {
    it(`stays away as long as the server says, whatever its host does: ${what}`, async () => {
      const one = new ScriptedSession(["websocket"]);
      await end(one);
      for (const change of ["visible", "restored", "online"] as const) {
        one.tell(change);
        await one.pass(9_000);
        assert.deepEqual([one.dials.length, one.session.state.status], [0, "waiting"], change);
      }
      one.session.reconnect(); // whoever asks for it gets it
      assert.equal((await one.live()).name, "websocket");
    });
  }

  it("hands nothing over any more that was not taken in time, once the end was told", async () => {
    const told: unknown[] = [];
    const one = new ScriptedSession(["websocket"], {
      closeTimeoutMs: 1_000,
      async message(_session, data) {
        told.push(data);
        await new Promise<void>((resolve) => one.clock.after(1_500, resolve));
      },
      reset: () => told.push("reset"),
    });
    const transport = await one.live();
    for (const text of ["first", "second", "third"]) transport.message(text);
    transport.end("reset", 4201);
    await one.pass(5_000);
    assert.deepEqual(told, ["first", "reset"]);
  });

  it("leaves no timer when it is closed", async () => {
    const one = new ScriptedSession(["websocket", "stream"]);
    (await one.dial()).fail();
    await one.live(); // over the stream: a better one is to be tried later
    assert.ok(one.timers > 0);
    one.tell("unload");
    await one.pass(0);
    assert.equal(one.session.state.status, "closed");
    assert.equal(one.timers, 0);
  });

  it("says why it waits where it was never connected", async () => {
    const one = new ScriptedSession(["websocket"]);
    (await one.dial()).fail();
    assert.deepEqual(one.session.state, { status: "waiting", untilMs: 1_000_000_000_250, reason: "no way" });
  });

  it("says of each way why it did not get through, if that is not the same", async () => {
    const one = new ScriptedSession(["websocket", "stream", "polling"]);
    (await one.dial()).fail(0, "closed with 1006");
    (await one.dial()).fail(0, "status 404");
    (await one.dial()).fail(0, "status 404");
    const { state } = one.session;
    assert.equal(state.status === "waiting" && state.reason, "closed with 1006; status 404");
  });

  it("says what is too long, and that there is room for what is not", async () => {
    const one = new ScriptedSession(["websocket"]);
    await one.live();
    for (const channel of [one.session, one.session.channel("other", { policy: "disconnect" })]) {
      assert.equal(channel.send(new Uint8Array(1_048_577)), "too-long");
      assert.equal(channel.send("é".repeat(524_289)), "too-long");
      assert.equal(await channel.ready(), true);
    }
    assert.equal(one.session.channel("other").dropped, 2);
    assert.equal(one.session.send(new Uint8Array(1_048_576)), "queued");
    assert.equal(one.session.state.status, "live");
  });

  it("tells of a message that was too long, which was not known when it was sent", async () => {
    const errors: unknown[] = [];
    const one = new ScriptedSession(["websocket"], {
      error: (_session, error) => errors.push(error),
      maxOutboxBytes: 2_000_000,
    });
    assert.equal(one.session.send(new Uint8Array(1_048_577)), "queued");
    assert.equal(one.session.send("behind it"), "queued");
    const transport = await one.live();
    await one.pass(0);
    assert.deepEqual(
      errors.map((error) => (error as { code?: string }).code),
      ["MESSAGE_TOO_LONG"],
    );
    assert.match(String(errors[0]), /1048577 bytes/);
    assert.ok(transport.sent.some((block) => Buffer.from(block).includes("behind it")));
  });

  it("goes by the time of day that is set meanwhile", () => {
    const now = Date.now() + 3_600_000;
    const set = mock.method(Date, "now", () => now);
    const timeMs = nodeClientHost.dateMs();
    set.mock.restore();
    assert.ok(Math.abs(timeMs - now) < 1_000);
  });

  it("waits as long as it is told for what receivers promised, also if no timer is that long", async () => {
    const given: number[] = [];
    const set = mock.method(globalThis, "setTimeout", (_call: unknown, delayMs: number) =>
      given.push(delayMs),
    );
    nodeClientHost.setTimer(() => {}, Number.MAX_SAFE_INTEGER);
    browserHost.setTimer(() => {}, Number.MAX_SAFE_INTEGER);
    set.mock.restore();
    assert.deepEqual(given, [2_147_483_647, 2_147_483_647]);
  });

  describe("credentials", () => {
    it("that never come are asked for again, and it is said", async () => {
      let asked = 0;
      const one = new ScriptedSession(["websocket"], {
        credentials: () => (++asked === 1 ? new Promise<string>(() => {}) : "token"),
      });
      await one.pass(30_000);
      const { state } = one.session;
      assert.ok(state.status === "waiting" && /no credentials: .*took too long/.test(state.reason));
      await one.pass(1_000);
      assert.equal(asked, 2);
      await one.live();
      assert.equal(one.session.state.status, "live");
    });

    it("that never come hold nothing up when it is closed", async () => {
      const one = new ScriptedSession(["websocket"], { credentials: () => new Promise<string>(() => {}) });
      await one.pass(0);
      await one.session.close();
      await one.pass(0);
      assert.deepEqual([one.timers, one.dials.length], [0, 0]);
    });

    it("that come late are not those of the next session", async () => {
      const given: ((token: string) => void)[] = [];
      const one = new ScriptedSession(["websocket"], {
        credentials: () => new Promise<string>((resolve) => given.push(resolve)),
      });
      await one.pass(0);
      given[0]!("first");
      const transport = await one.live();
      await one.pass(6_000);
      const authenticated = one.session.authenticate();
      transport.end("reset", 4201);
      await one.pass(0);
      given[2]!("third");
      const next = (await one.dial()).open();
      given[1]!("second");
      await authenticated;
      next.welcome();
      await one.pass(0);
      next.break();
      await one.pass(1_000);
      const again = (await one.dial()).open();
      assert.ok(Buffer.from(again.sent[0]!).includes("third"));
      assert.ok(!next.sent.some((block) => Buffer.from(block).includes("second")));
    });

    it("that were asked for once more, and have not come, do not keep back those that have", async () => {
      const given: ((token: string) => void)[] = [];
      const one = new ScriptedSession(["websocket"], {
        credentials: () => new Promise<string>((resolve) => given.push(resolve)),
      });
      await one.pass(0);
      const authenticated = one.session.authenticate();
      given[0]!("first");
      const transport = (await one.dial()).open();
      assert.ok(Buffer.from(transport.sent[0]!).includes("first"));
      transport.welcome();
      given[1]!("second");
      await authenticated;
      await one.pass(0);
      assert.ok(transport.sent.some((block) => Buffer.from(block).includes("second")));
    });

    for (const what of [["secret"], { length: 2 }, new Uint16Array(2)])
      it(`that are ${JSON.stringify(what)} are none`, async () => {
        const errors: unknown[] = [];
        const one = new ScriptedSession(["websocket"], {
          credentials: () => what as unknown as string,
          error: (_session, error) => errors.push((error as { code?: unknown }).code),
        });
        await one.pass(0);
        assert.deepEqual([errors, one.session.state.status], [["INVALID_OPTION"], "closed"]);
      });

    it("whose function throws are a failed attempt", async () => {
      const credentials = (): string => {
        throw new Error("no token");
      };
      const one = new ScriptedSession(["websocket"], { credentials, error() {} });
      await one.pass(0);
      assert.equal(one.session.state.status, "waiting");
      await one.session.close();
    });

    it("are asked for again before each attempt until it was connected: a token grows old meanwhile", async () => {
      let asked = 0;
      const one = new ScriptedSession(["websocket"], { credentials: () => `token-${++asked}` });
      (await one.dial()).fail();
      await one.pass(1_000);
      const second = (await one.dial()).open();
      assert.ok(Buffer.from(second.sent[0]!).includes("token-2"));
      second.welcome();
      second.break();
      await one.pass(1_000);
      await one.live();
      assert.equal(asked, 2);
    });
  });

  describe("without a network", () => {
    it("does not wear itself out, and begins at once when there is one", async () => {
      const one = new ScriptedSession(["websocket"], { maxReconnectDelayMs: 30_000 });
      one.isOffline = true;
      (await one.dial()).fail();
      await one.pass(29_000);
      assert.equal(one.dials.length, 0);
      one.isOffline = false;
      one.tell("online");
      await one.live();
      assert.equal(one.session.state.status, "live");
    });

    it("tries now and then all the same, since hosts may be wrong about it", async () => {
      const one = new ScriptedSession(["websocket"], { maxReconnectDelayMs: 30_000 });
      one.isOffline = true;
      (await one.dial()).fail();
      await one.pass(30_000);
      await one.live();
      assert.equal(one.session.state.status, "live");
    });

    it("notices a connection that is gone soon after it is told", async () => {
      const one = new ScriptedSession(["websocket"]);
      (await one.live()).isSilent = true;
      one.tell("offline");
      await one.pass(5_100);
      assert.notEqual(one.session.state.status, "live");
    });
  });
});
