import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "hawser";
import { call, contractClient, defineContract, implement } from "hawser/contract";
import { createHub } from "hawser/hub";
import { serve } from "hawser/server";
import { PeerPair } from "hawser/testing";
import { z } from "zod";
import { until } from "../support/until.js";
import { settled } from "./talk.js";

const files = defineContract({ calls: { read: call({ output: z.string() }) } });

describe("a client that calls and does not read", () => {
  it("has no more calls at a time than maxConcurrentCalls, those whose outcome waits to be sent among them", async () => {
    let ran = 0;
    const pair = new PeerPair();
    implement(files, {
      calls: { read: () => `${++ran}` },
      maxConcurrentCalls: 4,
    }).accept(pair.server);
    pair.maxQueued = 2;
    pair.hold();
    for (let n = 1; n <= 20; n++) pair.server.hand({ channel: "contract", data: `[2,${n},"read",null,1]` });
    await settled();
    assert.equal(ran, 2 + 4);

    // What was refused says so, and when all has arrived there is room again.
    const heard: string[] = [];
    pair.client.receive("contract", { message: (data) => void heard.push(data as string) });
    pair.release();
    await until(() => heard.length === 20, "all are answered");
    assert.equal(heard.filter((text) => text.includes("TOO_MANY_CALLS")).length, 14);
    pair.server.hand({ channel: "contract", data: `[2,21,"read",null,1]` });
    await settled();
    assert.equal(ran, 7);
  });

  it("is not read any more, and is answered when it reads", async () => {
    const outcome = "x".repeat(100_000);
    let ran = 0;
    const implementation = implement(files, {
      calls: {
        read() {
          ran++;
          return outcome;
        },
      },
    });
    const hub = createHub({ open: (session) => void implementation.accept(session) });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, { transports: ["websocket"] });
    let read = (): void => undefined;
    const reads = new Promise<void>((resolve) => {
      read = resolve;
    });
    let heard = 0;
    session.receive("contract", {
      message: async () => {
        heard++;
        await reads;
      },
    });
    const channel = session.channel("contract");
    for (let n = 1; n <= 300; n++) {
      while ((await channel.ready()) && channel.send(`[2,${n},"read",null,1]`) === "dropped");
    }
    await until(() => heard === 1, "the first answer is there");
    await delay(100);
    // An outbox, what the client's session takes without its application, and one that waits.
    assert.ok(ran < 40, `${ran} calls ran`);
    read();
    await until(() => heard === 300, "all are answered");
    assert.equal(ran, 300);
    await session.close();
  });

  it("is heard again where the session ends meanwhile", async () => {
    let ran = 0;
    const implementation = implement(files, {
      calls: {
        read() {
          ran++;
          return "x".repeat(100_000);
        },
      },
    });
    const hub = createHub({ open: (session) => void implementation.accept(session) });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, { transports: ["websocket"], closeTimeoutMs: 100 });
    session.receive("contract", { message: () => new Promise(() => undefined) });
    const channel = session.channel("contract");
    for (let n = 1; n <= 100; n++) channel.send(`[2,${n},"read",null,1]`);
    await until(() => ran > 10, "calls run");
    await delay(50);
    void session.close();
    await until(() => hub.counts.sessions === 0, "the session has ended");
    const again = connect(`${server.url}/live`);
    assert.equal((await contractClient(files, again).call.read()).length, 100_000);
    await again.close();
  });
});
