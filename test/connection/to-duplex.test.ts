import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type Duplex, Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createGunzip, createGzip } from "node:zlib";
import {
  type ClientConnection,
  ConnectionError,
  type ConnectOptions,
  connect,
  toDuplex,
  UsageError,
} from "hawser/client";
import { type ServeOptions, type ServerConnection, serve } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { rounds, until } from "../support/until.js";

interface Pair {
  readonly client: ClientConnection;
  readonly socket: ServerConnection;
}

async function pair(t: TestContext, options: ServeOptions = {}, dial: ConnectOptions = {}): Promise<Pair> {
  const sockets: ServerConnection[] = [];
  const server = await serve({ pingIntervalMs: 0, ...options, open: (socket) => void sockets.push(socket) });
  t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
  const client = await connect(server.url, dial);
  return { client, socket: sockets[0]! };
}

async function textOf(stream: Duplex): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

describe("toDuplex", () => {
  after(leakCheck());

  it("carries bytes both ways, through pipelines with transforms, and closes at their end", async (t) => {
    const { client, socket } = await pair(t);
    const upload = randomBytes(3_000_000);
    const received: Buffer[] = [];
    const [, , { code, wasClean }] = await Promise.all([
      pipeline(Readable.from([upload]), createGzip(), toDuplex(client)),
      pipeline(
        toDuplex(socket),
        createGunzip(),
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            received.push(chunk);
            done();
          },
        }),
      ),
      socket.closed,
    ]);
    assert.deepEqual([code, wasClean], [1000, true]);
    assert.ok(Buffer.concat(received).equals(upload));
  });

  it("reads the answer that is on its way when the writing side has ended", async (t) => {
    const { client } = await pair(t, {
      message: (socket, data) => void socket.send(String(data).toUpperCase()),
    });
    const pieces = Array.from({ length: 200 }, (_, i) => `piece ${i} ${"x".repeat(1_000)}\n`);
    const seen: string[] = [];
    await pipeline(Readable.from(pieces), toDuplex(client), async (source) => {
      for await (const chunk of source) seen.push(String(chunk));
    });
    assert.equal(seen.join(""), pieces.join("").toUpperCase());
  });

  it("reads the answer where reading begins only after the end of writing", async (t) => {
    const { client } = await pair(t, { message: (socket, data) => void socket.send(data) });
    const stream = toDuplex(client);
    stream.end("bytes");
    await client.closed;
    assert.equal(await textOf(stream.setEncoding("utf8")), "bytes");
  });

  it("keeps the bounds and kinds of messages in object mode", async (t) => {
    const { client, socket } = await pair(t);
    const messages = ["text", "", Buffer.of(1, 2), Buffer.alloc(0), "größer"];
    const sender = toDuplex(client, { objectMode: true });
    for (const message of messages) sender.write(message);
    sender.end();
    const seen: unknown[] = [];
    for await (const message of toDuplex(socket, { objectMode: true })) seen.push(message);
    assert.deepEqual(seen, messages);
  });

  it("reads text as UTF-8 and leaves empty messages out in byte mode", async (t) => {
    const { client, socket } = await pair(t);
    for (const message of ["", "é", Buffer.alloc(0), Buffer.from("!")]) socket.send(message);
    void socket.close(1000);
    assert.equal(await textOf(toDuplex(client).setEncoding("utf8")), "é!");
  });

  it("pauses TCP while it is not read, and goes on where it stopped", async (t) => {
    const { client, socket } = await pair(t, { maxBufferedBytes: 1e9, maxConnectionMemoryBytes: Infinity });
    const stream = toDuplex(client);
    const chunk = randomBytes(65_536);
    const sent = createHash("sha256");
    for (let i = 0; i < 400; i++) {
      socket.send(chunk);
      sent.update(chunk);
    }
    await delay(100);
    assert.ok(socket.bufferedBytes > 0, "nobody reads, and yet all has left");
    void socket.close(1000);
    const received = createHash("sha256");
    for await (const part of stream) received.update(part);
    assert.equal(received.digest("hex"), sent.digest("hex"));
  });

  it("calls back only when there is room where the peer does not read", async (t) => {
    const { client, socket } = await pair(t);
    socket.pause();
    const stream = toDuplex(client);
    let written = 0;
    const count = 400;
    const source = Readable.from(
      (function* () {
        for (; written < count; written++) yield Buffer.alloc(65_536, written);
      })(),
      { highWaterMark: 1 },
    );
    const piped = pipeline(source, stream);
    await delay(100);
    assert.ok(written < count, "nobody reads, and yet all was written");
    assert.ok(client.bufferedBytes < 1_000_000);
    const discarded = (async () => {
      let bytes = 0;
      for await (const message of socket) bytes += message.length;
      return bytes;
    })();
    socket.resume();
    await piped;
    assert.equal(await discarded, count * 65_536);
  });

  it("ends when the peer closes, whatever its code", async (t) => {
    for (const code of [1000, 4000]) {
      const { client, socket } = await pair(t);
      const stream = toDuplex(client).resume();
      void socket.close(code);
      await once(stream, "close");
      assert.deepEqual([stream.readableEnded, stream.writableFinished, stream.errored], [true, true, null]);
    }
  });

  it("fails when the connection is lost, behind what arrived before", async (t) => {
    const { client, socket } = await pair(t);
    const stream = toDuplex(client);
    socket.send("arrived");
    const messages: string[] = [];
    stream.on("data", (chunk) => {
      messages.push(String(chunk));
      socket.terminate();
    });
    const [error] = await once(stream, "error");
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.code, "CONNECTION_LOST");
    assert.deepEqual(messages, ["arrived"]);
    await client.closed;
  });

  it("fails a write that the peer does not get any more", async (t) => {
    const { client, socket } = await pair(t);
    socket.pause();
    const stream = toDuplex(client);
    const piped = pipeline(Readable.from(Array.from({ length: 400 }, () => Buffer.alloc(65_536))), stream);
    await rounds(20);
    socket.terminate();
    await assert.rejects(piped, ConnectionError);
    assert.equal(stream.destroyed, true);
  });

  it("drops the connection when it is destroyed, as a pipeline that fails does", async (t) => {
    const { client, socket } = await pair(t);
    const broken = new Transform({
      transform: (_chunk, _encoding, done) => done(new Error("broken")),
    });
    const stream = toDuplex(client);
    await assert.rejects(pipeline(Readable.from(["x"]), broken, stream), /broken/);
    assert.equal((await socket.closed).wasClean, false);
    await until(() => stream.closed, "closed");
    assert.equal((await client.closed).code, 1006);
  });

  it("closes although nobody reads what the peer sends", async (t) => {
    const { client, socket } = await pair(t);
    for (let i = 0; i < 100; i++) socket.send(Buffer.alloc(10_000));
    const stream = toDuplex(client);
    stream.end("bye");
    await once(stream, "close");
    assert.equal((await client.closed).wasClean, true);
  });

  it("refuses what is no message with an error of the stream, and messages that go to a handler", async (t) => {
    const { client, socket } = await pair(t, { message() {} });
    assert.throws(() => toDuplex(socket), UsageError);
    const stream = toDuplex(client, { objectMode: true });
    stream.write(5);
    const [error] = await once(stream, "error");
    assert.equal((error as UsageError).code, "INVALID_PAYLOAD");
    await socket.closed;
  });
});
