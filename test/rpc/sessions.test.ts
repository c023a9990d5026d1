import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect, type TransportName } from "hawser";
import { attempt, call, contractClient, defineContract, implement, stream, toClient } from "hawser/contract";
import { createHub, type HubOptions } from "hawser/hub";
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
function startShop(options: HubOptions = {}) {
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
  const hub = createHub({ ...options, open: (session) => void implementation.accept(session) });
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

  it("goes on with another client behind one that was closed, and hears what the server says before and after", async () => {
    const { hub } = startShop();
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, QUICK);
    for (let i = 0; i < 3; i++) {
      const remote = contractClient(shop, session);
      const sold: number[] = [];
      remote.on.sold((item) => sold.push(item));
      assert.deepEqual(await remote.call.buy({ item: i, note: "" }), { item: i });
      await until(() => sold.includes(i), "it hears the event");
      const stock = remote.stream.stock(2, [0, 1]);
      for await (const value of stock) assert.ok(value < 2);
      assert.equal(await stock.finished, "2 of 2");
      const left = remote.call.buy({ item: 101, note: "" });
      remote.close();
      await assert.rejects(left, { code: "SESSION_CLOSED" });
      await assert.rejects(remote.call.buy({ item: 1, note: "" }), { code: "SESSION_CLOSED" });
      assert.equal(remote.stream.stock(1, []).next !== undefined, true);
    }
    assert.equal(session.state.status, "live");
    await session.close();
  });

  it("is heard where its client is made late, when the server has spoken to nobody", async () => {
    const implementation = implement(shop, {
      calls: { buy: ({ item }) => ({ item }) },
      streams: {
        async *stock(_count, { values }) {
          yield* values;
          return "";
        },
      },
    });
    const statuses: string[] = [];
    const remotes: ReturnType<typeof implementation.accept>[] = [];
    const hub = createHub({
      open(session) {
        const remote = implementation.accept(session);
        remotes.push(remote);
        statuses.push(remote.emit.sold(1));
        assert.throws(() => implementation.accept(session), { code: "INVALID_CONTRACT" });
      },
    });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, QUICK);
    await until(() => remotes.length === 1, "it is open");
    await until(() => remotes[0]!.emit.sold(2) === "closed", "it hears that nobody listens");
    const remote = contractClient(shop, session);
    const sold: number[] = [];
    remote.on.sold((item) => sold.push(item));
    await until(() => remotes[0]!.emit.sold(3) === "sent", "it hears that there is somebody");
    assert.deepEqual(await remote.call.buy({ item: 5, note: "" }), { item: 5 });
    assert.deepEqual(sold, [3]);
    const stock = remote.stream.stock(1, [7]);
    for await (const value of stock) assert.equal(value, 7);
    await session.close();
  });

  it("fails what is too long also if that was not known yet, and nothing else", async () => {
    const contract = defineContract({
      calls: { len: call({ input: z.string(), output: z.number() }) },
      streams: { parts: stream({ input: z.string(), down: z.string() }) },
    });
    const implementation = implement(contract, {
      calls: { len: (text) => text.length },
      streams: {
        async *parts(text) {
          yield text;
        },
      },
    });
    const hub = createHub({ maxMessageBytes: 1_000, open: (session) => void implementation.accept(session) });
    await using server = await serve({ routes: { "/live": hub } });
    const errors: unknown[] = [];
    const session = connect(`${server.url}/live`, {
      ...QUICK,
      error: (_session, error) => void errors.push(error),
    });
    const remote = contractClient(contract, session);
    const early = [remote.call.len("x".repeat(2_000)), remote.call.len("short")] as const;
    const parts = remote.stream.parts("x".repeat(2_000));
    await assert.rejects(early[0], { code: "INVALID_INPUT", mayHaveRun: false });
    assert.equal(await early[1], 5);
    await assert.rejects(parts.next(), { code: "INVALID_INPUT", mayHaveRun: false });
    assert.deepEqual(errors, []);
    await session.close();
  });

  it("loses only its streams where the server takes no second channel", async () => {
    const { hub, bought } = startShop({ maxChannels: 1 });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, QUICK);
    const remote = contractClient(shop, session);
    const stock = remote.stream.stock(1, []);
    assert.deepEqual(await remote.call.buy({ item: 3, note: "" }), { item: 3 });
    await assert.rejects(stock.next(), { code: "SESSION_CLOSED" });
    await assert.rejects(remote.stream.stock(1, []).next(), { code: "SESSION_CLOSED", mayHaveRun: false });
    assert.equal(bought.get(3), 1);
    await session.close();
  });

  it("sends a call in the next session that was made while what came before the end is handed over", async () => {
    const { bought, hub } = startShop();
    await using server = await serve({ routes: { "/shop": hub } });
    let finish: (() => void) | undefined;
    const session = connect(`${server.url}/shop`, {
      ...QUICK,
      message: () => new Promise<void>((resolve) => (finish = resolve)),
    });
    const client = contractClient(shop, session);
    await client.call.buy({ item: 1, note: "" });
    const states: string[] = [];
    session.onPeer((peer) => peer.onState((state) => states.push(state)));
    const [there] = hub.sessions.values();
    there!.send("taken slowly");
    await until(() => finish !== undefined, "it has come");
    there!.end(4201);
    await until(() => session.send("for nobody") === "closed", "the end has come");
    const answer = attempt(client.call.buy({ item: 2, note: "" }));
    finish!();
    assert.deepEqual([await answer, states[0]], [{ ok: true, value: { item: 2 } }, "closed"]);
    assert.equal(bought.get(2), 1);
    await session.close();
  });
});
