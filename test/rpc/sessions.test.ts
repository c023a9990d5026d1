import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect, type TransportName } from "hawser";
import { attempt, call, contractClient, defineContract, implement, stream, toClient } from "hawser/contract";
import { createHub } from "hawser/hub";
import { msgpack } from "hawser/msgpack";
import { serve } from "hawser/server";
import { z } from "zod";
import { FaultProxy } from "#testbed/fault-proxy.js";
import { until } from "../support/until.js";

const QUICK = { reconnectDelayMs: 5, maxReconnectDelayMs: 20 };

const shop = defineContract({
  events: { sold: toClient(z.number()) },
  calls: {
    buy: call({
      input: z.object({ item: z.number(), note: z.string() }),
      output: z.object({ item: z.number() }),
    }),
  },
  streams: { stock: stream({ input: z.number(), up: z.number(), down: z.number(), output: z.string() }) },
  codec: msgpack(),
});

/** A server of the contract that counts what it did. */
function startShop() {
  const bought = new Map<number, number>();
  const implementation = implement(shop, {
    calls: {
      async buy({ item }, { remote }) {
        bought.set(item, (bought.get(item) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, item % 3));
        remote.emit.sold(item);
        return { item };
      },
    },
    streams: {
      async *stock(count, { values }) {
        let i = 0;
        for await (const value of values) {
          assert.equal(value, i++);
          yield value;
        }
        return `${i} of ${count}`;
      },
    },
  });
  const hub = createHub({ open: (session) => void implementation.accept(session) });
  return { bought, hub };
}

describe("a contract over real sessions", () => {
  for (const [transport, cuts] of [
    ["websocket", 40],
    ["stream", 10],
    ["long-polling", 10],
  ] as const satisfies readonly (readonly [TransportName, number])[]) {
    it(`loses no call, runs none twice and keeps streams whole while ${transport} is cut again and again`, async () => {
      const { bought, hub } = startShop();
      await using server = await serve({ routes: { "/live": hub } });
      const proxy = await FaultProxy.start({
        targetPort: server.port,
        seed: 6455,
        cutShare: 1,
        cutWithinBytes: transport === "websocket" ? 20_000 : 10_000,
      });
      const session = connect(`ws://127.0.0.1:${proxy.port}/live`, { ...QUICK, transports: [transport] });
      const remote = contractClient(shop, session);
      const sold: number[] = [];
      remote.on.sold((item) => sold.push(item));
      function* numbers(): Generator<number> {
        for (let i = 0; i < 300; i++) yield i;
      }
      const stock = remote.stream.stock(300, numbers());
      const reading = (async () => {
        const seen: number[] = [];
        for await (const value of stock) seen.push(value);
        return seen;
      })();
      let item = 0;
      while (proxy.counts.fin + proxy.counts.rst < cuts) {
        const calls = Array.from({ length: 10 }, () =>
          remote.call.buy({ item: item++, note: "x".repeat(200) }),
        );
        for (const [i, outcome] of (await Promise.all(calls)).entries())
          assert.equal(outcome.item, item - 10 + i);
      }
      proxy.setFaults({});
      assert.deepEqual(
        await reading,
        Array.from({ length: 300 }, (_, i) => i),
      );
      assert.equal(await stock.finished, "300 of 300");
      assert.equal(bought.size, item);
      assert.deepEqual(new Set(bought.values()), new Set([1]));
      await until(() => sold.length === item, "all events have come");
      assert.equal(new Set(sold).size, item);
      await session.close();
      await proxy.close();
    });
  }

  it("says which calls it cannot know about when the server is started anew", async () => {
    const first = startShop();
    const server = await serve({ routes: { "/live": first.hub } });
    const { port } = server;
    const session = connect(`${server.url}/live`, { ...QUICK, transports: ["websocket"] });
    const remote = contractClient(shop, session);
    await remote.call.buy({ item: 0, note: "" });
    const outcomes = [2, 5, 8].map((item) => attempt(remote.call.buy({ item, note: "" })));
    await until(() => first.bought.size === 4, "the calls have arrived");
    await server.shutdown({ drainTimeoutMs: 0 });
    const second = startShop();
    await using again = await serve({ port, routes: { "/live": second.hub } });
    for (const outcome of outcomes) {
      const { ok, error } = await outcome;
      assert.ok(ok || error.code === "OUTCOME_UNKNOWN", error?.code);
    }
    assert.equal(second.bought.size, 0);
    assert.deepEqual(await remote.call.buy({ item: 9, note: "" }), { item: 9 });
    void again;
    await session.close();
  });

  it("fails at once where the server does not speak it, calls as streams", async () => {
    const silent = createHub({ message: () => undefined });
    await using server = await serve({ routes: { "/silent": silent } });
    const nobody = connect(`${server.url}/silent`, QUICK);
    const refused = contractClient(shop, nobody);
    const values = refused.stream.stock(1, []);
    for (let i = 0; i < 2; i++)
      await assert.rejects(refused.call.buy({ item: 1, note: "" }), { code: "SESSION_CLOSED" });
    await assert.rejects(values.next(), { code: "SESSION_CLOSED" });
    assert.equal(nobody.state.status, "live");
    await nobody.close();
  });

  it("answers what is short while what is too long is not taken, in both directions", async () => {
    const implementation = implement(shop, {
      calls: {
        buy({ item }) {
          return { item, more: "x".repeat(item) };
        },
      },
      streams: {
        async *stock(_count, { values }) {
          yield* values;
          return "";
        },
      },
      checkSent: false,
      error: () => undefined,
    });
    const hub = createHub({ maxMessageBytes: 1_000, open: (session) => void implementation.accept(session) });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, { ...QUICK, maxMessageBytes: 1_000 });
    const remote = contractClient(shop, session);
    assert.equal((await remote.call.buy({ item: 1, note: "" })).item, 1);
    const outcomes = await Promise.all([
      attempt(remote.call.buy({ item: 2, note: "" })),
      attempt(remote.call.buy({ item: 3, note: "x".repeat(2_000) })),
      attempt(remote.call.buy({ item: 4_000, note: "" })),
      attempt(remote.call.buy({ item: 5, note: "" })),
    ]);
    assert.deepEqual(
      outcomes.map(({ error, value }) => error?.code ?? value?.item),
      [2, "INVALID_INPUT", "HANDLER_FAILED", 5],
    );
    await session.close();
  });
});
