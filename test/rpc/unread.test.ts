import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "hawser";
import { type CallError, call, contractClient, defineContract, implement, stream } from "hawser/contract";
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

const uploads = defineContract({
  calls: { ping: call() },
  streams: { upload: stream({ input: z.string(), up: z.string(), output: z.number() }) },
});

describe("values up that nobody reads", () => {
  it("are not sent before the handler begins to read", async () => {
    let begin = (): void => undefined;
    const begins = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const pair = new PeerPair();
    implement(uploads, {
      calls: { ping() {} },
      streams: {
        async upload(_name, { values }) {
          await begins;
          let length = 0;
          for await (const value of values) length += value.length;
          return length;
        },
      },
    }).accept(pair.server);
    let made = 0;
    function* parts(): Generator<string> {
      for (; made < 100; made++) yield "x";
    }
    const upload = contractClient(uploads, pair.client).stream.upload("file", parts());
    await settled();
    assert.equal(made, 0);
    begin();
    assert.equal(await upload.finished, 100);
  });

  it("may not be sent before that: who does breaks the rules", async () => {
    const errors: CallError[] = [];
    const pair = new PeerPair();
    implement(uploads, {
      calls: { ping() {} },
      streams: { upload: () => new Promise(() => undefined) },
      error: (error) => errors.push(error),
    }).accept(pair.server);
    pair.server.hand({ channel: "contract/streams", data: `[6,1,"upload",1,"file"]` });
    await settled();
    pair.server.hand({ channel: "contract/streams", data: `[7,1,"x"]` });
    assert.equal(pair.server.closedWith?.code, 4402);
    assert.equal(errors[0]?.code, "INVALID_MESSAGE");
  });

  it("wait at the sender from 1 MiB on, however many there may be, and calls do not wait for them", async () => {
    const reads: (() => void)[] = [];
    const implementation = implement(uploads, {
      calls: { ping() {} },
      streams: {
        async upload(_name, { values }) {
          let length = 0;
          for await (const value of values) {
            length += value.length;
            if (length === value.length) await new Promise<void>((resolve) => reads.push(resolve));
          }
          return length;
        },
      },
    });
    const hub = createHub({ open: (session) => void implementation.accept(session) });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, { transports: ["websocket"] });
    const client = contractClient(uploads, session);
    const part = "x".repeat(500_000);
    let made = 0;
    function* parts(): Generator<string> {
      for (let i = 0; i < 20; i++) {
        made++;
        yield part;
      }
    }
    const streams = ["a", "b", "c"].map((name) => client.stream.upload(name, parts()));
    await until(() => hub.counts.heldBytes > 200_000, "what comes waits in the session");
    await delay(100);
    // Three are read, three wait to be read, one was the last to be taken; then two windows and what is on its way.
    assert.ok(made < 18, `${made} of 60 were sent`);
    await client.call.ping();
    await until(() => {
      for (const read of reads.splice(0)) read();
      return streams.length === 3 && made === 60;
    }, "all are sent when they are read");
    assert.deepEqual(
      await Promise.all(streams.map(({ finished }) => finished)),
      [1, 2, 3].map(() => 10_000_000),
    );
    await session.close();
  });

  it("end their stream with ABORTED if they hold up others for longer than maxDeadlineMs", async () => {
    const errors: CallError[] = [];
    const signals: AbortSignal[] = [];
    const implementation = implement(uploads, {
      calls: { ping() {} },
      streams: {
        async upload(name, { values, signal }) {
          let length = 0;
          for await (const value of values) {
            length += value.length;
            if (name !== "stuck") continue;
            signals.push(signal);
            await new Promise((_resolve, reject) =>
              signal.addEventListener("abort", () => reject(signal.reason)),
            );
          }
          return length;
        },
      },
      error: (error) => errors.push(error),
      // A hundred times as fast as others.
      clock: {
        nowMs: () => performance.now() * 100,
        after(delayMs, callback) {
          const timer = setTimeout(callback, delayMs / 100);
          return () => clearTimeout(timer);
        },
      },
      maxDeadlineMs: 20_000,
    });
    const hub = createHub({ open: (session) => void implementation.accept(session) });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, { transports: ["websocket"] });
    const client = contractClient(uploads, session);
    const part = "x".repeat(500_000);
    function* parts(): Generator<string> {
      for (let i = 0; i < 10; i++) yield part;
    }
    const stuck = client.stream.upload("stuck", parts());
    await until(() => signals.length === 1 && hub.counts.heldBytes > 200_000, "it holds up others");
    const other = client.stream.upload("other", parts());
    await assert.rejects(stuck.finished, { code: "ABORTED" });
    assert.equal(await other.finished, 5_000_000);
    assert.equal(signals[0]!.aborted, true);
    assert.deepEqual(
      errors.map(({ code, message }) => [code, /not read/.test(message)]),
      [["ABORTED", true]],
    );
    await session.close();
  });

  it("do not keep a session that has ended", async () => {
    let isAborted = false;
    const implementation = implement(uploads, {
      calls: { ping() {} },
      streams: {
        async upload(_name, { values, signal }) {
          signal.addEventListener("abort", () => {
            isAborted = true;
          });
          await values.next();
          return new Promise(() => undefined);
        },
      },
    });
    const hub = createHub({ open: (session) => void implementation.accept(session) });
    await using server = await serve({ routes: { "/live": hub } });
    const session = connect(`${server.url}/live`, { transports: ["websocket"], closeTimeoutMs: 50 });
    const part = "x".repeat(500_000);
    contractClient(uploads, session).stream.upload(
      "file",
      Array.from({ length: 20 }, () => part),
    );
    await until(() => hub.counts.heldBytes > 200_000, "it is held back");
    await session.close();
    await until(() => isAborted && hub.counts.sessions === 0, "it has ended");
    assert.equal(hub.counts.heldBytes, 0);
  });
});
