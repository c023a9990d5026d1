import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { connect } from "hawser/client";
import { type ServeOptions, type ServerConnection, serve } from "hawser/server";
import { Http2Client } from "../support/http2-client.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { binaryFrame, maskedFrame, textFrame } from "../support/raw-client.js";
import { until } from "../support/until.js";

/** The window that a stream has by default (RFC 9113 §6.9.2). */
const WINDOW_BYTES = 65_535;
const CHUNK: Buffer = Buffer.alloc(32_768, "c");
const OPTIONS: ServeOptions = { pingIntervalMs: 0, http2: true, error() {} };

describe("flow control over HTTP/2", () => {
  after(leakCheck());

  it("holds what a peer does not read, says so, and goes on when it reads; siblings are not held up", async () => {
    const opened = new Inbox<ServerConnection>("connection");
    const drains = new Inbox<ServerConnection>("drain");
    await using server = await serve({
      ...OPTIONS,
      open: (socket) => opened.push(socket),
      message: (socket, data) => void socket.send(data),
      drain: (socket) => drains.push(socket),
    });
    const client = await Http2Client.connect(server.port);
    const [unread, sibling] = [await client.open(), await client.open()];
    const socket = await opened.next();
    unread.stream.pause();
    const statuses: string[] = [];
    for (let i = 0; i < 16; i++) {
      statuses.push(socket.send(CHUNK));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(statuses[0], "sent");
    assert.equal(statuses.at(-1), "queued");
    // What the window took is not ours any more, and the client takes as much again before it stops to read.
    const left = 16 * CHUNK.length - 2 * WINDOW_BYTES;
    assert.ok(socket.bufferedBytes >= left, `${socket.bufferedBytes} of ${left}`);
    assert.ok(socket.memoryBytes >= left);
    let isReady = false;
    const ready = socket.ready().then((isOpen) => {
      isReady = isOpen;
    });
    sibling.send(textFrame("still here"));
    assert.equal(await sibling.nextText(), "still here");
    assert.equal(isReady, false);
    unread.stream.resume();
    for (let i = 0; i < 16; i++) assert.equal((await unread.frames.next()).payload.length, CHUNK.length);
    await ready;
    assert.equal(isReady, true);
    assert.equal(await drains.next(), socket);
    await until(() => socket.bufferedBytes === 0, "all has left");
    assert.equal(socket.send("small"), "sent");
    await client.destroy();
  });

  it("ends who does not read at maxBufferedBytes, with its stream alone", async () => {
    const opened = new Inbox<ServerConnection>("connection");
    const errors = new Inbox<string>("error");
    await using server = await serve({
      ...OPTIONS,
      maxBufferedBytes: 200_000,
      open: (socket) => opened.push(socket),
      message: (socket, data) => void socket.send(data),
      error: (_socket, error) => errors.push(error.code),
    });
    const client = await Http2Client.connect(server.port);
    const [unread, sibling] = [await client.open(), await client.open()];
    const socket = await opened.next();
    unread.stream.pause();
    let status = "";
    for (let i = 0; i < 20 && status !== "dropped" && status !== "closed"; i++) {
      status = socket.send(CHUNK);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(await errors.next(), "BUFFER_OVERFLOW");
    assert.equal(await unread.gone, 8);
    sibling.send(textFrame("still here"));
    assert.equal(await sibling.nextText(), "still here");
    await client.destroy();
  });

  it("stops a peer where this side does not read, on that stream only, and loses nothing", async () => {
    const opened = new Inbox<ServerConnection>("connection");
    let received = 0;
    await using server = await serve({
      ...OPTIONS,
      open: (socket) => opened.push(socket),
      message(socket, data) {
        if (typeof data === "string") socket.send(data);
        else received += data.length;
      },
    });
    const client = await Http2Client.connect(server.port);
    const [paused, sibling] = [await client.open(), await client.open()];
    const socket = await opened.next();
    socket.pause();
    let sent = 0;
    const write = (): void => {
      while (sent < 64 && paused.stream.write(binaryFrame(CHUNK))) sent++;
    };
    paused.stream.on("drain", () => {
      sent++;
      write();
    });
    write();
    // 64 KiB that this side holds, a window, and what Node reads ahead.
    await until(() => paused.stream.writableLength > 0, "the peer has to wait");
    sibling.send(textFrame("still here"));
    assert.equal(await sibling.nextText(), "still here");
    assert.ok(sent < 16, `${sent} of 64 chunks were taken`);
    assert.equal(received, 0);
    socket.resume();
    await until(() => received === 64 * CHUNK.length, "all of it has come");
    await client.destroy();
  });

  it("waits with for await, and with readable and writable streams", async () => {
    await using server = await serve({
      ...OPTIONS,
      async open(socket) {
        for await (const message of socket) {
          if (socket.send(message) === "queued") await socket.ready();
        }
      },
    });
    const socket = await connect(server.url, { http2: "prior-knowledge" });
    const writing = (async () => {
      const writer = socket.writable.getWriter();
      for (let i = 0; i < 100; i++) await writer.write(CHUNK);
    })();
    let count = 0;
    for await (const message of socket) {
      assert.equal(message.length, CHUNK.length);
      if (++count === 100) break;
    }
    await writing;
    await socket.close();
  });

  it("counts a message that is held, until it is complete", async () => {
    const opened = new Inbox<ServerConnection>("connection");
    await using server = await serve({ ...OPTIONS, open: (socket) => opened.push(socket), message() {} });
    const client = await Http2Client.connect(server.port);
    const socket = await client.open();
    const end = await opened.next();
    socket.send(maskedFrame(0x02, CHUNK));
    await until(() => end.memoryBytes > CHUNK.length, "the piece is counted");
    socket.send(maskedFrame(0x80, CHUNK));
    await until(() => end.memoryBytes < CHUNK.length, "it is given back");
    await client.destroy();
  });
});
