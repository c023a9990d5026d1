import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connected } from "../support/connected.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import {
  binaryFrame,
  closeFrame,
  maskedFrame,
  pongFrame,
  type RawClient,
  textFrame,
} from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";

/** Sends messages until the system takes no more. Returns how many that took. */
async function flood(client: RawClient, payload: Buffer): Promise<number> {
  const frame = binaryFrame(payload);
  for (let sent = 1; sent < 2_000; sent++) {
    client.socket.write(frame);
    await rounds(2);
    if (client.socket.writableLength > 10 * frame.length) return sent;
  }
  throw new Error("the other side reads on and on");
}

const CHUNK = Buffer.alloc(65_536, "r");

describe("a connection that is paused", () => {
  after(leakCheck());

  it("stops the peer, and loses nothing", async () => {
    const { socket, client, messages, end } = await connected();
    socket.pause();
    assert.equal(socket.isPaused, true);
    const sent = await flood(client, CHUNK);
    assert.equal(messages.size, 0);
    assert.ok(client.socket.writableLength > 0, "the peer's writes back up");
    socket.resume();
    assert.equal(socket.isPaused, false);
    for (let i = 0; i < sent; i++) assert.ok(CHUNK.equals((await messages.next()) as Buffer));
    await end();
  });

  it("stops behind the message in whose handler it was paused, in the middle of a chunk", async () => {
    const seen = new Inbox<string>("message");
    const { socket, client, end } = await connected({
      message(socket, data) {
        seen.push(String(data));
        socket.pause();
      },
    });
    client.send(...["a", "b", "c", "d"].map(textFrame), textFrame("e").subarray(0, 3));
    assert.equal(await seen.next(), "a");
    for (const next of ["b", "c", "d"]) {
      await rounds(5);
      assert.equal(seen.size, 0);
      socket.resume();
      assert.equal(await seen.next(), next);
    }
    client.send(textFrame("e").subarray(3), textFrame("f"));
    await rounds(10);
    assert.equal(seen.size, 0);
    socket.resume();
    assert.equal(await seen.next(), "e");
    socket.resume();
    assert.equal(await seen.next(), "f");
    await end();
  });

  it("reads on once, however often it is resumed", async () => {
    const { socket, client, messages, end } = await connected();
    socket.pause();
    socket.pause();
    client.send(textFrame("a"), textFrame("b"));
    await rounds(5);
    socket.resume();
    socket.resume();
    socket.pause();
    socket.resume();
    assert.deepEqual([await messages.next(), await messages.next()], ["a", "b"]);
    await rounds(5);
    assert.equal(messages.size, 0);
    await end();
  });

  it("holds back what came with the handshake where it is paused when it opens", async () => {
    const { socket, client, messages, end } = await connected(
      { open: (socket) => socket.pause() },
      { firstBytes: Buffer.concat([textFrame("first"), textFrame("second")]) },
    );
    client.send(textFrame("third"));
    await rounds(20);
    assert.equal(messages.size, 0);
    socket.resume();
    assert.deepEqual(
      [await messages.next(), await messages.next(), await messages.next()],
      ["first", "second", "third"],
    );
    await end();
  });

  it("is not taken for a dead one: nobody reads the pongs, or the rest of a message", async () => {
    const { socket, client, messages, errors, end } = await connected({
      pingIntervalMs: 60,
      pongTimeoutMs: 800,
      idleTimeoutMs: 800,
      messageTimeoutMs: 800,
      closeTimeoutMs: 60,
    });
    client.send(maskedFrame(0x01, Buffer.from("who")));
    await until(() => client.frames.size > 0, "a ping");
    socket.pause();
    client.send(pongFrame((await client.next()).payload), maskedFrame(0x80, Buffer.from("le")));
    await delay(2_000); // more than twice every deadline
    assert.equal(errors.size, 0);
    assert.equal(socket.state, "open");
    socket.resume();
    assert.equal(await messages.next(), "whole");
    // And the deadlines hold again.
    assert.match((await errors.next()).code, /PONG_TIMEOUT|IDLE_TIMEOUT/);
    await end();
  });

  it("hands out what came before the end of TCP, though it is resumed after that", async () => {
    const seen = new Inbox<string>("message");
    const { client, socket, closes, end } = await connected({
      message(socket, data) {
        seen.push(String(data));
        socket.pause();
      },
    });
    client.socket.end(Buffer.concat([textFrame("a"), textFrame("b"), closeFrame(1000)]));
    assert.equal(await seen.next(), "a");
    await new Promise((resolve) => setTimeout(resolve, 50)); // for the end of TCP to come
    socket.resume();
    assert.equal(await seen.next(), "b");
    socket.resume();
    const { code, wasClean } = await closes.next();
    assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
    await end();
  });

  it("still closes when it is told to", async () => {
    const { socket, client, closes, end } = await connected();
    socket.pause();
    client.send(textFrame("unread"));
    void socket.close(1000);
    assert.equal((await client.finish()).code, 1000);
    assert.equal((await closes.next()).wasClean, true);
    await end();
  });
});

describe("for await", () => {
  after(leakCheck());

  it("takes every message, from what came with the handshake on, until the end", async () => {
    const { socket, client, end } = await connected(
      { pulled: true },
      { firstBytes: Buffer.concat([textFrame("first"), textFrame("second")]) },
    );
    client.send(binaryFrame(Buffer.from([1, 2])), closeFrame(1000));
    const seen: unknown[] = [];
    for await (const message of socket) seen.push(message);
    assert.deepEqual(seen, ["first", "second", Buffer.from([1, 2])]);
    await end();
  });

  it("goes on where it was left with `break`, and leaves the connection open", async () => {
    const { socket, client, end } = await connected({ pulled: true });
    client.send(...["a", "b", "c", "d"].map(textFrame));
    const seen: unknown[] = [];
    for await (const message of socket) {
      seen.push(message);
      if (message === "b") break;
    }
    await rounds(5);
    assert.equal(socket.state, "open");
    client.send(closeFrame(1000));
    for await (const message of socket) {
      if (message === "c") continue;
      seen.push(message);
    }
    assert.deepEqual(seen, ["a", "b", "d"]);
    await end();
  });

  it("stops the peer while nobody takes anything, and loses nothing", async () => {
    const { socket, client, end } = await connected({ pulled: true });
    const sent = await flood(client, CHUNK);
    assert.equal(socket.isPaused, true);
    client.send(closeFrame(1000));
    let seen = 0;
    for await (const message of socket) {
      assert.ok(CHUNK.equals(message as Buffer));
      seen++;
    }
    assert.equal(seen, sent);
    await end();
  });

  it("ends at once on a connection that has gone, and without an exception on one that is lost", async () => {
    const { socket, client, closes, end } = await connected({ pulled: true });
    const waiting = socket[Symbol.asyncIterator]().next();
    client.socket.resetAndDestroy();
    assert.deepEqual(await waiting, { done: true, value: undefined });
    assert.equal((await closes.next()).code, 1006);
    for await (const _message of socket) assert.fail("a message");
    await end();
  });

  it("takes what came before the end of TCP, which is noticed though nobody takes anything", async () => {
    const { client, socket, closes, end } = await connected({ pulled: true, receiveHighWaterMarkBytes: 0 });
    client.socket.end(Buffer.concat(["a", "b", "c"].map(textFrame)));
    assert.equal((await closes.next()).code, 1006);
    const taken: unknown[] = [];
    for await (const message of socket) taken.push(message);
    assert.deepEqual(taken, ["a", "b", "c"]);
    await end();
  });

  it("is not for an endpoint with a `message` handler", async () => {
    const { socket, end } = await connected();
    assert.throws(() => socket[Symbol.asyncIterator](), { code: "INVALID_OPTION" });
    assert.throws(() => socket.readable, { code: "INVALID_OPTION" });
    await end();
  });
});

describe("the web streams of a connection", () => {
  after(leakCheck());

  it("read messages, and stop the peer while they are not read", async () => {
    const { socket, client, end } = await connected({ pulled: true });
    assert.equal(socket.readable, socket.readable);
    const sent = await flood(client, CHUNK);
    client.send(closeFrame(1000));
    let seen = 0;
    for await (const message of socket.readable) {
      assert.ok(CHUNK.equals(message as Buffer));
      seen++;
    }
    assert.equal(seen, sent);
    await end();
  });

  it("fail where the connection was lost, so that nothing looks complete that is not", async () => {
    const { socket, client, end } = await connected({ pulled: true });
    client.send(textFrame("first"));
    const reader = socket.readable.getReader();
    assert.equal((await reader.read()).value, "first");
    await client.destroy();
    await assert.rejects(reader.read(), { name: "ConnectionError" });
    await end();
  });

  it("close the connection when the readable one is cancelled", async () => {
    const { socket, client, end } = await connected({ pulled: true });
    const reader = socket.readable.getReader();
    const closed = client.finish();
    await reader.cancel();
    assert.equal((await closed).code, 1000);
    await end();
  });

  it("write messages, and wait while the peer does not read", async () => {
    const { socket, client, end } = await connected({ pulled: true }, { paused: true });
    const writer = socket.writable.getWriter();
    assert.equal(socket.writable, socket.writable);
    let written = 0;
    const writing = (async () => {
      for (; written < 1_000; written++) {
        await writer.ready;
        await writer.write(CHUNK);
      }
      await writer.close();
    })();
    await until(() => socket.bufferedBytes > 0, "the system takes no more");
    await rounds(50);
    const stoppedAt = written;
    assert.ok(stoppedAt < 1_000);
    assert.ok(socket.bufferedBytes < 4 * CHUNK.length, `${socket.bufferedBytes} bytes wait`);
    client.socket.resume();
    for (let i = 0; i < 1_000; i++) assert.equal((await client.next()).payload.length, CHUNK.length);
    assert.equal((await client.finish()).code, 1000);
    await writing;
    await end();
  });

  it("fail to write where the connection is lost before the peer has read all, and while nothing is written", async () => {
    const { socket, client, closes, end } = await connected({ pulled: true }, { paused: true });
    const piped = new ReadableStream<Buffer>({
      start(controller) {
        for (let i = 0; i < 500; i++) controller.enqueue(CHUNK);
        controller.close();
      },
    }).pipeTo(socket.writable);
    const failed = assert.rejects(piped, { name: "ConnectionError" });
    await until(() => socket.bufferedBytes > 0, "the system takes no more");
    await client.destroy();
    await failed;
    await closes.next();
    await end();
    const second = await connected({ pulled: true });
    const silent = new ReadableStream<string>().pipeTo(second.socket.writable);
    const ended = assert.rejects(silent, { name: "ConnectionError" });
    await second.client.destroy();
    await ended;
    await second.end();
  });

  it("do not close without a complaint where the peer does not answer", async () => {
    const { socket, closes, end } = await connected({ pulled: true, closeTimeoutMs: 50 });
    const writer = socket.writable.getWriter();
    writer.closed.catch(() => {});
    await writer.write("last words");
    await assert.rejects(writer.close(), { code: "CLOSE_TIMEOUT" });
    assert.equal((await closes.next()).wasClean, false);
    await end();
  });

  it("fail a write on a connection that has gone, and drop it when they are aborted", async () => {
    const first = await connected({ pulled: true });
    await first.client.destroy();
    await first.closes.next();
    const writer = first.socket.writable.getWriter();
    writer.closed.catch(() => {});
    await writer.write("too late").catch(() => {});
    await assert.rejects(writer.write("too late"), /closed/);
    await first.end();
    const second = await connected({ pulled: true });
    await second.socket.writable.abort();
    await second.client.gone;
    assert.equal((await second.closes.next()).code, 1006);
    await second.end();
  });
});

describe("what a message handler is given", () => {
  after(leakCheck());

  it("is text as a string and binary as a Buffer", async () => {
    const seen: unknown[] = [];
    const { client, messages, end } = await connected({
      message: (_socket, data, isBinary) => void seen.push(data, isBinary),
    });
    client.send(
      textFrame("héllo"),
      textFrame(""),
      binaryFrame(Buffer.from([0, 255])),
      binaryFrame(Buffer.alloc(0)),
    );
    for (let i = 0; i < 4; i++) await messages.next();
    assert.deepEqual(seen, ["héllo", false, "", false, Buffer.from([0, 255]), true, Buffer.alloc(0), true]);
    await end();
  });

  it("is text as a Buffer where that is wanted", async () => {
    const seen: unknown[] = [];
    const { client, messages, end } = await connected({
      textAs: "buffer",
      message: (_socket, data, isBinary) => void seen.push(data, isBinary),
    });
    client.send(textFrame("héllo"));
    await messages.next();
    assert.deepEqual(seen, [Buffer.from("héllo"), false]);
    await end();
  });

  it("is its own: later traffic does not change it", async () => {
    const { socket, client, messages, end } = await connected();
    const kept: { data: Buffer; copy: Buffer }[] = [];
    for (let i = 0; i < 200; i++) {
      const payload = Buffer.alloc((i * 797) % 40_000, i);
      // Whole in one chunk, cut in two, and in two fragments.
      const frame = binaryFrame(payload);
      if (i % 3 === 0) client.send(frame);
      if (i % 3 === 1) {
        client.send(frame.subarray(0, frame.length >> 1));
        await rounds(1);
        client.send(frame.subarray(frame.length >> 1));
      }
      if (i % 3 === 2) {
        const half = payload.length >> 1;
        client.send(maskedFrame(0x02, payload.subarray(0, half)), maskedFrame(0x80, payload.subarray(half)));
      }
      const data = (await messages.next()) as Buffer;
      assert.ok(data.equals(payload), `message ${i}`);
      kept.push({ data, copy: payload });
      socket.send(Buffer.alloc(i * 100, 255 - i));
    }
    for (const { data, copy } of kept) assert.ok(data.equals(copy));
    await end();
  });

  it("is every piece as it comes, with `messageChunk`", async () => {
    const pieces = new Inbox<[string, boolean, boolean]>("piece");
    const { client, end } = await connected({
      messageChunk: (_socket, data, isBinary, isLast) => pieces.push([data.toString(), isBinary, isLast]),
    });
    client.send(maskedFrame(0x01, Buffer.from("one ")));
    assert.deepEqual(await pieces.next(), ["one ", false, false]);
    client.send(maskedFrame(0x00, Buffer.from("two ")), maskedFrame(0x80, Buffer.from("three")));
    assert.deepEqual(await pieces.next(), ["two ", false, false]);
    assert.deepEqual(await pieces.next(), ["three", false, true]);
    const frame = binaryFrame(Buffer.from("whole"));
    client.send(frame.subarray(0, 8));
    assert.deepEqual(await pieces.next(), ["wh", true, false]);
    client.send(frame.subarray(8));
    assert.deepEqual(await pieces.next(), ["ole", true, true]);
    client.send(textFrame(""));
    assert.deepEqual(await pieces.next(), ["", false, true]);
    await end();
  });
});
