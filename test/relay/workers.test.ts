import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { connect, type TransportName } from "hawser";
import { projectPath } from "#scripts/project-root.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import { freePort } from "../support/free-port.js";
import { DIALERS, TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";

/** Each request comes over a connection of its own, and those the primary hands to the workers in turns. */
const headersOf = (via: TransportName): Record<string, string> =>
  via === "websocket" ? {} : { connection: "close" };

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

describe("sessions of workers that share a port", () => {
  let primary: ChildProcess;
  let url: string;

  before(async () => {
    const port = await freePort();
    url = `ws://127.0.0.1:${port}/live`;
    primary = fork(projectPath("build", "test", "relay", "worker-program.js"), [String(port)], {
      execArgv: [],
    });
    const [word] = await once(primary, "message");
    assert.equal(word, "ready");
  });

  after(async () => {
    const exit = once(primary, "exit");
    primary.send("shutdown");
    await exit;
  });

  for (const via of DIALERS.keys()) {
    it(`lose, double and reorder nothing, whichever worker a connection is given to: ${via}`, async () => {
      const random = new SeededRandom(3);
      const client = await TestSession.open(url, { via, headers: headersOf(via), reconnectDelayMs: 1 });
      for (const [i, number] of numbers(200).entries()) {
        client.send(number);
        if (random.chance(0.2)) await new Promise(setImmediate);
        if (i % 25 !== 24) continue;
        await until(() => client.received.length > i - random.integer(0, 10), "some came");
        client.cut();
      }
      await client.messages(201);
      const [pid, ...rest] = client.received;
      assert.match(String(pid), /^pid \d+$/);
      assert.deepEqual(rest, numbers(200));
      // By its turns the primary may have led every first request to the same worker.
      let relayed = 0;
      for (let i = 0; relayed === 0 && i < 30; i++) {
        if (i > 0) client.cut();
        const count = client.received.length;
        client.send("counts");
        await client.messages(count + 1);
        ({ relayed } = JSON.parse(String(client.received.at(-1))) as { relayed: number });
      }
      assert.ok(relayed > 0, "another worker had it for a while");
      const end = await client.close();
      assert.deepEqual([end.code, end.isReset], [4400, false]);
    });
  }

  for (const via of ["websocket", "long-polling"] as const) {
    it(`are reset with ownerLost when their worker is killed, and told what was not confirmed: ${via}`, async () => {
      const client = await TestSession.open(url, {
        via,
        headers: headersOf(via),
        reconnectDelayMs: 1,
        pongTimeoutMs: 1_000,
      });
      await client.messages(1);
      for (let i = 0; i < 6; i++) {
        client.cut(); // so that it is at another worker, most likely
        await until(() => client.state !== "suspended", "it is back");
      }
      client.send("there");
      await client.messages(2);
      process.kill(Number(String(client.received[0]).slice(4)), "SIGKILL");
      client.send("lost");
      const end = await client.ended();
      assert.deepEqual([end.code, end.isReset], [4202, true]);
      assert.deepEqual(
        end.unconfirmed.map(({ data }) => data),
        ["lost"],
      );
    });
  }

  it("begin anew with the client of hawser when their worker is killed, and go on", async () => {
    const resets: (readonly [number, unknown[]])[] = [];
    const received: string[] = [];
    const session = connect(url, {
      message: (_session, data) => void received.push(String(data)),
      reset: (_session, { code, unconfirmed }) =>
        void resets.push([code, unconfirmed.map(({ data }) => data)]),
    });
    session.send("one");
    await until(() => received.length === 2, "it is there");
    process.kill(Number(received[0]!.slice(4)), "SIGKILL");
    session.send("two");
    await until(() => resets.length === 1, "it was told");
    session.send("three");
    await until(() => received.at(-1) === "three", "it goes on");
    assert.equal(resets[0]![0], 4202);
    assert.deepEqual(resets[0]![1], ["two"]);
    await session.close();
  });

  it("are reset honestly, and begin anew, when all workers are replaced", async () => {
    const client = await TestSession.open(url, { reconnectDelayMs: 1 });
    client.send("before");
    await client.messages(2);
    const restarted = once(primary, "message");
    primary.send("restart");
    await restarted;
    client.retryNow();
    const end = await client.ended();
    assert.deepEqual([end.code, end.unconfirmed.length], [4202, 0]);
    const next = await TestSession.open(url);
    await next.messages(1);
    await next.close();
  });
});
