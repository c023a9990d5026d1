import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { accept, createHub, type HubOptions } from "hawser/hub";
import { serve } from "hawser/server";
import { HeldMessages } from "#session/peer/held-messages.js";
import { leakCheck } from "../support/leak-check.js";
import { TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";

async function served<Data = undefined>(options: HubOptions<Data>) {
  const hub = createHub<Data>(options);
  const server = await serve({ routes: { "/live": hub } });
  return { hub, server, url: `${server.url}/live` };
}

/** A promise for as long as it is wanted. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe("messages that wait for a handler", () => {
  after(leakCheck());

  it("are not kept once they were handed over, though there are always some that wait", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const held = new HeldMessages();
    const handed: WeakRef<Uint8Array>[] = [];
    for (let i = 0; i < 10_000; i++) {
      held.push(new Uint8Array(8), undefined, i);
      if (i < 100) continue;
      const { data, byteLength } = held.shift()!;
      assert.equal(byteLength, i - 100);
      if (i >= 9_900) handed.push(new WeakRef(data as Uint8Array));
    }
    await delay(1); // a WeakRef keeps what it was made for until the turn ends
    collect();
    assert.equal(handed.filter((data) => data.deref() !== undefined).length < 5, true);
    for (let i = 9_900; i < 10_000; i++) assert.equal(held.shift()!.byteLength, i);
    assert.equal(held.shift(), undefined);
    assert.equal(held.shift(), undefined);
    held.push("again", undefined, 5);
    assert.equal(held.shift()!.data, "again");
  });

  it("are handed over before a shutdown is done, and then the reset is told", async () => {
    const seen: string[] = [];
    const { server, url } = await served({
      async message(_session, data) {
        await delay(20);
        seen.push(String(data));
      },
      reset: (_session, { code }) => void seen.push(`reset ${code}`),
    });
    const client = await TestSession.open(url);
    for (let i = 0; i < 10; i++) client.send(`${i}`);
    await until(() => seen.length > 0, "the first was handled");
    await server.shutdown();
    assert.deepEqual(seen, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "reset 4202"]);
  });

  it("do not hold up a shutdown for longer than its drain timeout", async () => {
    const seen: string[] = [];
    const { hub, server, url } = await served({
      message: () => new Promise(() => {}),
      reset: (_session, { code }) => void seen.push(`reset ${code}`),
    });
    const client = await TestSession.open(url);
    client.send("never done");
    client.send("waits");
    await until(() => hub.counts.heldBytes > 0, "one waits");
    await server.shutdown({ drainTimeoutMs: 200 });
    assert.deepEqual(seen, ["reset 4202"]);
    assert.equal(hub.counts.heldBytes, 0);
  });

  it("are given up when their session has ended and its handlers take too long", async () => {
    const seen: string[] = [];
    const never = gate();
    const { hub, server, url } = await served({
      closeTimeoutMs: 100,
      message(_session, data) {
        seen.push(String(data));
        return never.opened;
      },
      closed: () => void seen.push("closed"),
    });
    const client = await TestSession.open(url);
    client.send("one");
    client.send("two");
    await until(() => hub.counts.heldBytes > 0, "one waits");
    await client.close();
    await until(() => seen.includes("closed"), "the end is told");
    assert.deepEqual(seen, ["one", "closed"]);
    assert.equal(hub.counts.heldBytes, 0, "what waited is not kept");
    never.open();
    await delay(5);
    assert.deepEqual(seen, ["one", "closed"], "nothing comes behind the end");
    assert.equal(hub.counts.heldBytes, 0);
    await server.shutdown();
  });

  it("may close their session, and wait for that", async () => {
    const seen: string[] = [];
    const { server, url } = await served({
      closeTimeoutMs: 100,
      async message(session) {
        const { code } = await session.close();
        seen.push(`resolved ${code}`);
      },
      closed: (_session, { code }) => void seen.push(`closed ${code}`),
    });
    const client = await TestSession.open(url);
    client.send("bye");
    assert.equal((await client.ended()).code, 4400);
    await until(() => seen.length === 2, "both are told");
    assert.deepEqual(seen, ["closed 4400", "resolved 4400"]);
    await server.shutdown();
  });

  it("wait for a rate no more once their session has ended", async () => {
    const seen: string[] = [];
    const { server, url } = await served({
      maxReceivedMessagesPerSecond: 1,
      rateBurstMs: 1_000,
      message: (_session, data) => void seen.push(String(data)),
      closed: () => void seen.push("closed"),
    });
    const client = await TestSession.open(url);
    for (let i = 0; i < 20; i++) client.send(`${i}`);
    await until(() => seen.length > 0, "the first came");
    assert.ok(seen.length < 5);
    await client.close();
    await until(() => seen.includes("closed"), "the end is told");
    assert.deepEqual(seen, [...Array.from({ length: 20 }, (_, i) => `${i}`), "closed"]);
    await server.shutdown();
  });

  it("are limited by rates also where their handlers reject", async () => {
    let handled = 0;
    const { server, url } = await served({
      maxReceivedMessagesPerSecond: 5,
      rateBurstMs: 1_000,
      async message() {
        handled++;
        throw new Error("no");
      },
      error() {},
    });
    const client = await TestSession.open(url);
    const begunAt = performance.now();
    for (let i = 0; i < 100; i++) client.send("x");
    await until(() => handled >= 5, "the first came");
    await delay(200);
    const most = 7 + (5 * (performance.now() - begunAt)) / 1_000;
    assert.ok(handled <= most, `${handled} of 5 a second`);
    await client.close();
    await server.shutdown();
  });

  it("of one client cost no other its session, and no new one its place", async () => {
    const resets: string[] = [];
    const never = gate();
    const { hub, server, url } = await served({
      maxHeldBytes: 100_000,
      closeTimeoutMs: 300,
      authenticate: ({ credentials }) => accept(credentials),
      message: () => never.opened,
      reset: ({ data }, { code }) => void resets.push(`${String(data)} ${code}`),
    });
    const innocent = await Promise.all(
      ["a", "b", "c"].map((credentials) => TestSession.open(url, { credentials })),
    );
    const greedy = await TestSession.open(url, { credentials: "greedy" });
    for (let i = 0; i < 2_000; i++) greedy.send("x");
    await until(() => greedy.state === "closed" || hub.sessions.size === 3, "it was evicted");
    for (let i = 0; i < 10; i++) hub.broadcast("for all");
    for (const client of innocent) await client.messages(10);
    await until(() => resets.length > 0, "it is told");
    assert.deepEqual(resets, ["greedy 4201"]);
    assert.equal(hub.counts.heldBytes < 10_000, true, "what it held is free");
    const late = await TestSession.open(url, { credentials: "late" });
    await Promise.all([...innocent, late].map((client) => client.close()));
    never.open();
    await server.shutdown();
  });
});
