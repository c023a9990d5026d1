import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { createHub, type HubOptions, type HubSession, type HubShutdownOptions } from "hawser/hub";
import { memoryBroker, serve } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { TestSession } from "../support/session/test-session.js";

function invalid(named: string) {
  return (error: unknown): true => {
    assert.deepEqual(
      { name: (error as Error).name, code: (error as { code?: string }).code },
      { name: "UsageError", code: "INVALID_OPTION" },
      String(error),
    );
    assert.ok((error as Error).message.includes(named), `${named}: ${(error as Error).message}`);
    return true;
  };
}

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
});
