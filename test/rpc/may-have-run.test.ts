import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "hawser";
import { attempt, call, contractClient, defineContract, implement, stream, toServer } from "hawser/contract";
import { createHub } from "hawser/hub";
import { serve } from "hawser/server";
import { z } from "zod";
import { until } from "../support/until.js";

const QUICK = { reconnectDelayMs: 5, maxReconnectDelayMs: 20, closeTimeoutMs: 50 };

const till = defineContract({
  events: { note: toServer(z.string()) },
  calls: { pay: call({ input: z.string(), output: z.string() }) },
  streams: { ticks: stream({ down: z.number() }) },
});

/** A server of the contract on a port, with what it heard, in order. */
async function startTill(port = 0) {
  const heard: string[] = [];
  const implementation = implement(till, {
    calls: {
      async pay(what) {
        heard.push(what);
        return what;
      },
    },
    streams: {
      async *ticks() {
        yield 1;
      },
    },
    events: { note: (text) => void heard.push(text) },
  });
  const hub = createHub({ open: (session) => void implementation.accept(session) });
  const server = await serve({ port, routes: { "/live": hub } });
  return { heard, server, hub };
}

/** A port where nobody listens, just now. */
async function freePort(): Promise<number> {
  const server = await serve({ port: 0 });
  const { port } = server;
  await server.shutdown();
  return port;
}

function told({ ok, error }: Awaited<ReturnType<typeof attempt<string, { code: string }>>>): unknown {
  return ok ? "ok" : [error.code, (error as unknown as { mayHaveRun?: boolean }).mayHaveRun];
}

describe("a call that never left", () => {
  it("has not run: whether its deadline is over, it is cancelled, or its session is closed", async () => {
    const port = await freePort();
    const session = connect(`ws://127.0.0.1:${port}/live`, QUICK);
    const { call: calls, stream: streams } = contractClient(till, session);
    const outcomes = [
      attempt(calls.pay("late", { deadlineMs: 20 })),
      attempt(calls.pay("cancelled", { signal: AbortSignal.timeout(20) })),
      attempt(calls.pay("waits", { retry: false })),
    ];
    const ticks = streams.ticks();
    await Promise.all(outcomes.slice(0, 2));
    await session.close();
    assert.deepEqual((await Promise.all(outcomes)).map(told), [
      ["DEADLINE_EXCEEDED", false],
      ["ABORTED", false],
      ["SESSION_CLOSED", false],
    ]);
    await assert.rejects(ticks.next(), { code: "SESSION_CLOSED", mayHaveRun: false });
  });

  it("does not run later, when there is a connection; one that waits does", async () => {
    const port = await freePort();
    const session = connect(`ws://127.0.0.1:${port}/live`, QUICK);
    const client = contractClient(till, session);
    const controller = new AbortController();
    const cancelled = attempt(client.call.pay("cancelled", { signal: controller.signal }));
    const waits = client.call.pay("waits");
    controller.abort();
    assert.deepEqual(told(await cancelled), ["ABORTED", false]);
    const { server, heard } = await startTill(port);
    await using _ = server;
    assert.equal(await waits, "waits");
    assert.deepEqual(heard, ["waits"]);
    await session.close();
  });

  it("runs where the server was started anew meanwhile, for it cannot run twice", async () => {
    const first = await startTill();
    const session = connect(`${first.server.url}/live`, { ...QUICK, transports: ["websocket"] });
    const client = contractClient(till, session);
    await client.call.pay("before");
    const { port } = first.server;
    await first.server.shutdown({ drainTimeoutMs: 0 });
    await until(() => session.state.status !== "live", "it is away");
    const outcomes = [
      attempt(client.call.pay("while away")),
      attempt(client.call.pay("too", { retry: false })),
    ];
    await delay(20);
    const second = await startTill(port);
    await using _ = second.server;
    assert.deepEqual((await Promise.all(outcomes)).map(told), ["ok", "ok"]);
    assert.deepEqual(second.heard, ["while away", "too"]);
    await session.close();
  });

  it("has not run where the server takes no contract", async () => {
    const hub = createHub({ message: () => undefined });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, QUICK);
    const client = contractClient(till, session);
    const ticks = client.stream.ticks();
    assert.deepEqual(told(await attempt(client.call.pay("nobody"))), ["SESSION_CLOSED", false]);
    await assert.rejects(ticks.next(), { code: "SESSION_CLOSED", mayHaveRun: false });
    await session.close();
  });

  it("comes before an event that was sent behind it, and may run from then on", async () => {
    const port = await freePort();
    const session = connect(`ws://127.0.0.1:${port}/live`, QUICK);
    const client = contractClient(till, session);
    const controller = new AbortController();
    const outcomes = [
      attempt(client.call.pay("1")),
      attempt(client.call.pay("2", { signal: controller.signal })),
    ];
    client.emit.note("3");
    outcomes.push(attempt(client.call.pay("4")));
    controller.abort();
    assert.deepEqual(told((await outcomes[1])!), ["ABORTED", true]);
    const { server, heard } = await startTill(port);
    await using _ = server;
    await Promise.all(outcomes);
    assert.deepEqual(heard, ["1", "2", "3", "4"]);
    await session.close();
  });
});
