import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { serve, UsageError } from "hawser/server";
import { connected } from "../support/connected.js";
import { leakCheck } from "../support/leak-check.js";
import {
  binaryFrame,
  closeFrame,
  maskedFrame,
  pingFrame,
  RawClient,
  textFrame,
} from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";

const texts = (count: number, from = 0): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => textFrame(String(from + i))));

describe("a peer above the rate that is delayed", () => {
  after(leakCheck());

  it("is read no faster than the rate of frames, and loses nothing", async () => {
    const { client, messages, errors, end } = await connected({
      maxReceivedFramesPerSecond: 200,
      rateBurstMs: 50,
    });
    const began = performance.now();
    for (let from = 0; from < 150; from += 50) {
      client.send(texts(50, from));
      for (let i = from; i < from + 50; i++) assert.equal(await messages.next(), String(i));
    }
    assert.ok(performance.now() - began > 400, "90 of the first 100 are owed before the last are read");
    assert.equal(errors.size, 0);
    await end();
  });

  it("is read no faster than the rate of bytes, whatever deadlines there are", async () => {
    const { socket, client, messages, errors, end } = await connected({
      maxReceivedBytesPerSecond: 80_000, // 820 ms are owed for a chunk of 64 KiB: longer than each of the deadlines
      rateBurstMs: 10,
      messageTimeoutMs: 700,
      pingIntervalMs: 50,
      pongTimeoutMs: 650,
      idleTimeoutMs: 700,
      message(socket) {
        assert.equal(socket.isPaused, false);
      },
    });
    const began = performance.now();
    const payload = Buffer.alloc(200_000, "p");
    client.send(binaryFrame(payload));
    assert.ok(payload.equals((await messages.next()) as Buffer));
    assert.ok(performance.now() - began > 1_500, "it took no time");
    assert.equal(errors.size, 0);
    assert.equal(socket.state, "open");
    await end();
  });

  it("is charged for control frames and fragments as well", async () => {
    for (const flood of [pingFrame(), maskedFrame(0x00, Buffer.alloc(0))]) {
      const { client, messages, end } = await connected({ maxReceivedFramesPerSecond: 100 });
      const began = performance.now(); // what is owed is so from here on, however long the next lines take
      client.send(maskedFrame(0x01, Buffer.from("a")), ...new Array<Buffer>(149).fill(flood));
      await rounds(20);
      client.send(maskedFrame(0x80, Buffer.from("b")));
      assert.equal(await messages.next(), "ab");
      assert.ok(performance.now() - began > 300, "half a second is owed");
      await end();
    }
  });

  it("goes on being paused where the application paused it, and only then", async () => {
    const { socket, client, messages, end } = await connected({ maxReceivedFramesPerSecond: 100 });
    client.send(texts(110));
    for (let i = 0; i < 110; i++) assert.equal(await messages.next(), String(i));
    assert.equal(socket.isPaused, false, "a delay is no pause of the application");
    socket.pause();
    assert.equal(socket.isPaused, true);
    client.send(textFrame("later"));
    await delay(300); // longer than what is owed
    assert.equal(messages.size, 0);
    socket.resume();
    assert.equal(await messages.next(), "later");
    await end();
  });

  it("is not read sooner since the application resumes", async () => {
    const { socket, client, messages, end } = await connected({ maxReceivedFramesPerSecond: 100 });
    const began = performance.now();
    client.send(texts(130));
    for (let i = 0; i < 130; i++) await messages.next();
    socket.pause();
    socket.resume();
    client.send(textFrame("later"));
    assert.equal(await messages.next(), "later");
    assert.ok(performance.now() - began > 200, "300 ms are owed");
    await end();
  });

  it("is closed at once where it is told to, and its answer is read", async () => {
    const { socket, client, messages, closes, end } = await connected({ maxReceivedFramesPerSecond: 1 });
    client.send(texts(100));
    for (let i = 0; i < 100; i++) await messages.next();
    void socket.close(1000);
    assert.equal((await client.finish()).code, 1000);
    assert.equal((await closes.next()).wasClean, true);
    await end();
  });

  it("is gone where it ends while it is delayed, when the delay is over", async () => {
    const { client, messages, closes, end } = await connected({ maxReceivedFramesPerSecond: 100 });
    client.send(texts(120));
    for (let i = 0; i < 120; i++) await messages.next();
    client.send(closeFrame(1000));
    client.socket.end();
    assert.equal((await closes.next()).code, 1000);
    await end();
  });

  it("is taken from by a loop all the same", async () => {
    const { socket, client, end } = await connected({
      pulled: true,
      maxReceivedFramesPerSecond: 200,
      rateBurstMs: 50,
    });
    client.send(texts(40), closeFrame(1000));
    const taken: string[] = [];
    for await (const message of socket) taken.push(String(message));
    assert.deepEqual(
      taken,
      Array.from({ length: 40 }, (_, i) => String(i)),
    );
    await end();
  });
});

describe("a peer above the rate that is disconnected", () => {
  after(leakCheck());

  for (const [what, options, frames] of [
    ["frames", { maxReceivedFramesPerSecond: 10 }, texts(20)],
    ["bytes", { maxReceivedBytesPerSecond: 1_000 }, binaryFrame(Buffer.alloc(2_000))],
  ] as const) {
    it(`gets 1008 for ${what}`, async () => {
      const { client, errors, closes, end } = await connected({ ...options, overRate: "disconnect" });
      client.send(frames);
      assert.deepEqual(await client.nextClose(), { code: 1008, reason: "more than the rate allows" });
      assert.equal((await errors.next()).code, "RATE_EXCEEDED");
      assert.equal((await closes.next()).sent?.code, 1008);
      await end();
    });
  }

  it("is nobody who stays within it", async () => {
    const { socket, client, messages, errors, end } = await connected({
      maxReceivedFramesPerSecond: 50,
      maxReceivedBytesPerSecond: 5_000,
      overRate: "disconnect",
    });
    for (let i = 0; i < 60; i++) {
      client.send(textFrame(String(i)));
      assert.equal(await messages.next(), String(i));
      await delay(10);
    }
    assert.equal(errors.size, 0);
    assert.equal(socket.state, "open");
    await end();
  });

  it("is one connection, not its neighbour", async () => {
    const { server, socket, client, messages, end } = await connected({
      maxReceivedFramesPerSecond: 10,
      overRate: "disconnect",
      clientAddress: () => "",
    });
    const other = await RawClient.open({ port: server.port });
    other.send(texts(50));
    assert.equal((await other.nextClose()).code, 1008);
    await other.destroy();
    await until(() => messages.size >= 50, "all of the other's first chunk");
    messages.takeAll();
    client.send(textFrame("still here"));
    assert.equal(await messages.next(), "still here");
    assert.equal(socket.state, "open");
    await end();
  });
});

describe("the options of rates", () => {
  it("are refused where they make no sense", async () => {
    for (const options of [
      { maxReceivedFramesPerSecond: 0 },
      { maxReceivedBytesPerSecond: -1 },
      { rateBurstMs: Number.NaN },
      { overRate: "wait" as "delay" },
      { maxConnectionMemoryBytes: 100 },
    ])
      await assert.rejects(
        serve(options),
        (error) => error instanceof UsageError && error.code === "INVALID_OPTION",
      );
  });
});
