import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { createHub, type HubOptions, type HubSession, type HubShutdownOptions } from "hawser/hub";
import { memoryBroker, serve } from "hawser/server";
import { invalidOption } from "../support/invalid-option.js";
import { leakCheck } from "../support/leak-check.js";
import { TestSession } from "../support/session/test-session.js";

const invalid = (named: string) => invalidOption("includes", named);

/** A session of a hub, with a client at its other end. */
async function session(use: (session: HubSession) => void): Promise<void> {
  const hub = createHub({});
  const server = await serve({ routes: { "/live": hub } });
  const client = await TestSession.open(`${server.url}/live`);
  const [opened] = hub.sessions.values();
  use(opened!);
  await client.close();
  await server.shutdown();
}

describe("options of a hub that cannot be", () => {
  after(leakCheck());

  it("are refused by name when it is made", () => {
    const broker = memoryBroker();
    for (const [options, named] of [
      ...[
        "open",
        "message",
        "channel",
        "suspended",
        "resumed",
        "reset",
        "closed",
        "dropped",
        "error",
      ].flatMap((name) => [5, null, "x", {}].map((value) => [{ [name]: value }, name] as const)),
      [{ authenticate: "x" }, "authenticate"],
      [{ clientAddress: "127.0.0.1" }, "clientAddress"],
      [{ allowCookies: "yes" }, "allowCookies"],
      [{ compression: "yes" }, "compression"],
      [{ compression: { serverMaxWindowBits: 99 } }, "serverMaxWindowBits"],
      [{ transports: "sse" }, "transports"],
      [{ transports: null }, "transports"],
      [{ transports: 5 }, "transports"],
      [{ broker: {} }, "broker"],
      [{ broker: null }, "broker"],
      [{ broker: { publish: () => {} } }, "broker"],
      [{ broker, brokerTopic: "" }, "brokerTopic"],
      [{ broker, brokerKey: 64 }, "brokerKey"], // not a key of 64 zeros
      [{ broker, brokerKey: "short" }, "brokerKey"],
      [{ broker, relayTimeoutMs: "100" }, "relayTimeoutMs"],
    ] as const)
      assert.throws(() => createHub(options as unknown as HubOptions), invalid(named), named);
    broker.close();
  });

  it("are refused where they are no options at all", () => {
    for (const options of [null, 5, "x", () => {}, []] as unknown as HubOptions[])
      assert.throws(() => createHub(options), invalid("options"));
  });

  it("are all their defaults where they are left out", async () => {
    const hub = createHub();
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`);
    assert.equal(client.state, "live");
    await client.close();
    await server.shutdown();
  });
});

describe("what is asked of a hub or its sessions", () => {
  after(leakCheck());

  it("is refused where a shutdown cannot be so, and the hub goes on", async () => {
    const hub = createHub({});
    const server = await serve({ routes: { "/live": hub } });
    for (const [options, named] of [
      [{ notBeforeMs: -1 }, "notBeforeMs"],
      [{ notBeforeMs: Number.NaN }, "notBeforeMs"],
      [{ notBeforeMs: Infinity }, "notBeforeMs"],
      [{ spreadMs: -5 }, "spreadMs"],
      [{ spreadMs: "5" }, "spreadMs"],
      [{ drainTimeoutMs: -1 }, "drainTimeoutMs"],
      [{ drainTimeoutMs: Number.NaN }, "drainTimeoutMs"],
      [{ drainTimeoutMs: "soon" }, "drainTimeoutMs"],
      [{ reason: 5 }, "reason"],
      [null, "options"],
    ] as const)
      assert.throws(() => hub.shutdown(options as unknown as HubShutdownOptions), invalid(named), named);
    const client = await TestSession.open(`${server.url}/live`);
    assert.equal(client.state, "live");
    await hub.shutdown({ notBeforeMs: 0, spreadMs: 0, drainTimeoutMs: 0 });
    await client.close();
    await server.shutdown();
  });

  it("is refused where a client cannot be sent away so", () =>
    session((opened) => {
      assert.throws(() => opened.sendAway(-1), invalid("notBeforeMs"));
      assert.throws(() => opened.sendAway(0, Number.NaN), invalid("spreadMs"));
      assert.throws(() => opened.sendAway(0, 0, 5 as unknown as string), invalid("reason"));
      assert.equal(opened.state, "live");
    }));

  it("is refused where a channel cannot have such a name", () =>
    session((opened) => {
      const longest = "x".repeat(256);
      assert.equal(opened.channel(longest).name, longest);
      assert.equal(opened.channel("é".repeat(128)).name, "é".repeat(128));
      for (const name of [
        5,
        undefined,
        null,
        {},
        `${longest}y`,
        "é".repeat(129),
        "😀".repeat(65),
      ] as string[]) {
        assert.throws(() => opened.channel(name), invalid("name"));
        assert.throws(() => opened.receive(name, { message: () => {} }), invalid("name"));
      }
    }));

  it("is refused where a channel cannot be such", () =>
    session((opened) => {
      for (const [options, named] of [
        [{ policy: "drop" }, "policy"],
        [{ policy: null }, "policy"],
        [{ policy: 5 }, "policy"],

        [{ maxQueuedBytes: -1 }, "maxQueuedBytes"],
        [{ maxQueuedBytes: Number.NaN }, "maxQueuedBytes"],
        [{ maxQueuedBytes: "1" }, "maxQueuedBytes"],
        [{ highWaterMarkBytes: -1 }, "highWaterMarkBytes"],
        [{ highWaterMarkBytes: Number.NaN }, "highWaterMarkBytes"],
        [null, "options"],
        ["block", "options"],
      ] as const)
        assert.throws(() => opened.channel("a", options as never), invalid(named), named);
      for (const policy of ["block", "drop-oldest", "drop-newest", "latest-per-key", "disconnect"] as const) {
        const channel = opened.channel(policy, { policy, maxQueuedBytes: Infinity, highWaterMarkBytes: 1 });
        assert.equal(channel.send("x"), "sent");
      }
    }));

  it("is refused where nothing could receive, or hear", () =>
    session((opened) => {
      for (const receiver of [() => {}, null, {}, { message: 5 }, { message: () => {}, ended: 5 }, "x"])
        assert.throws(() => opened.receive("a", receiver as never), invalid(""));
      opened.receive("a", undefined);
      for (const listener of [5, undefined, {}])
        assert.throws(() => opened.onState(listener as never), invalid("listener"));
    }));

  it("is refused where the id of a message is no bytes", () =>
    session((opened) => {
      for (const id of ["a string", null, 5, [1], new ArrayBuffer(4)] as unknown as Uint8Array[]) {
        assert.throws(() => opened.send("x", { id }), invalid("id"));
        assert.throws(() => opened.channel("a").send("x", { id }), invalid("id"));
      }
    }));

  it("is refused where a broadcast cannot go there, whoever is there", async () => {
    const hub = createHub({});
    assert.throws(() => hub.broadcast("x", { channel: "y".repeat(257) }), invalid("name"));
    assert.throws(() => hub.broadcast("x", { channel: 5 as never }), invalid("name"));
    assert.throws(() => hub.broadcast("x", { where: 5 as never }), invalid("where"));
    const rooms = new Map<string, Set<HubSession>>();
    for (const to of [rooms.get("nowhere"), null, 5, "ada", {}, [undefined], new Set(["ada"]), [hub]])
      assert.throws(() => hub.broadcast("x", { to: to as never }), invalid("to"));
    await hub.shutdown();
  });
});
