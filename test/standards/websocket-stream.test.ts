import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { ConnectError, WebSocketError, WebSocketStream } from "hawser/client";
import { serve } from "hawser/server";
import { freePort } from "../support/free-port.js";
import { leakCheck } from "../support/leak-check.js";
import { StreamPressure } from "./stream-pressure.js";
import { backpressureBothWays } from "./stream-pressure-test.js";
import type { StreamClasses } from "./stream-scenarios.js";
import { streamServer } from "./stream-server.js";

const classes = { WebSocketStream, WebSocketError } as unknown as StreamClasses;

// What it does step by step is compared with Chromium's in chromium.test.ts.
describe("WebSocketStream", () => {
  after(leakCheck());

  it("has backpressure both ways", async (t) => {
    let pressure: StreamPressure;
    await backpressureBothWays(t, {
      open: async (url) => {
        pressure = await StreamPressure.open(classes, url);
      },
      startWriting: async (count, byteLength) => void pressure.write(count, byteLength),
      written: async () => pressure.written,
      read: (byteLength) => pressure.read(byteLength),
      close: () => pressure.close(),
    });
  });

  it("takes headers and limits among its options, and tells the error of Hawser as cause", async (t) => {
    const { url } = await streamServer(t, {
      open: (socket) => void socket.send(socket.request.headers.get("x-one") ?? ""),
    });
    const stream = new WebSocketStream(url, { headers: { "x-one": "1" }, maxMessageBytes: 3 });
    const { readable, writable } = await stream.opened;
    const reader = readable.getReader();
    assert.deepEqual(await reader.read(), { done: false, value: "1" });
    await writable.getWriter().write("four");
    await assert.rejects(stream.closed, (error) => {
      assert.ok(error instanceof WebSocketError);
      assert.equal((error.cause as { code?: string }).code, "MESSAGE_TOO_BIG");
      return error.closeCode === 1006;
    });
    await assert.rejects(reader.read(), WebSocketError);

    const nowhere = new WebSocketStream(`ws://127.0.0.1:${await freePort()}`);
    await assert.rejects(nowhere.opened, (error) => {
      assert.ok(error instanceof WebSocketError && error instanceof DOMException);
      return error.cause instanceof ConnectError;
    });
    await assert.rejects(nowhere.closed, WebSocketError);
  });

  it("rejects with the reason of its signal", async (t) => {
    const { url } = await streamServer(t);
    const mine = new Error("mine");
    const before = new WebSocketStream(url, { signal: AbortSignal.abort(mine) });
    await assert.rejects(before.opened, mine);
    await assert.rejects(before.closed, mine);
    const controller = new AbortController();
    const during = new WebSocketStream(url, { signal: controller.signal });
    controller.abort(mine);
    await assert.rejects(during.opened, mine);
    await assert.rejects(during.closed, mine);
  });

  it("never ends the process for a failure that nobody looks at", async () => {
    const stream = new WebSocketStream(`ws://127.0.0.1:${await freePort()}`);
    await stream.closed.catch(() => {}); // and `opened` was not looked at
  });

  it("gives what arrived before the end, and then the end", async (t) => {
    for (const isClean of [true, false]) {
      const server = await serve({
        async open(socket) {
          socket.send("one");
          socket.send("two");
          if (isClean) await socket.close(1000);
        },
        message: (socket) => socket.terminate(),
      });
      t.after(() => server.shutdown());
      const stream = new WebSocketStream(server.url);
      const { readable, writable } = await stream.opened;
      const reader = readable.getReader();
      assert.deepEqual(await reader.read(), { done: false, value: "one" });
      if (!isClean) await writable.getWriter().write("end it");
      await stream.closed.catch(() => {});
      assert.deepEqual(await reader.read(), { done: false, value: "two" });
      if (isClean) assert.deepEqual(await reader.read(), { done: true, value: undefined });
      else await assert.rejects(reader.read(), WebSocketError);
    }
  });

  it("ends a write behind close() without sending it", async (t) => {
    const received: unknown[] = [];
    const { url } = await streamServer(t, { message: (_socket, data) => void received.push(data) });
    const stream = new WebSocketStream(url);
    const { writable } = await stream.opened;
    stream.close();
    assert.equal(await writable.getWriter().write("late"), undefined);
    await stream.closed;
    assert.deepEqual(received, []);
  });

  it("copies the bytes that it is given, and refuses shared ones", async (t) => {
    const { url } = await streamServer(t);
    const stream = new WebSocketStream(url);
    const { readable, writable } = await stream.opened;
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const bytes = new Uint8Array(100_000).fill(7);
    const written = writer.write(bytes);
    await written;
    bytes.fill(0);
    const { value } = await reader.read();
    assert.ok(value instanceof Uint8Array && !Buffer.isBuffer(value));
    assert.ok(value.every((byte) => byte === 7));
    await assert.rejects(writer.write(new Uint8Array(new SharedArrayBuffer(1))), TypeError);
    stream.close();
    await stream.closed;
  });

  it("refuses a code out of range with a TypeError, where Chromium clamps it", async (t) => {
    const { url } = await streamServer(t);
    const stream = new WebSocketStream(url);
    await stream.opened;
    for (const closeCode of [70_000, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => stream.close({ closeCode }), TypeError);
      assert.throws(() => new WebSocketError("", { closeCode }), TypeError);
    }
    stream.close({ closeCode: "3000" as unknown as number });
    assert.deepEqual(await stream.closed, { closeCode: 3000, reason: "" });
  });
});
