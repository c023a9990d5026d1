import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type CloseResult, connect, type HawserError } from "hawser/client";
import { type Acceptance, accept, serve } from "hawser/server";
import { CONNECTION_BASE_BYTES } from "#node/connection/memory-budget.js";
import { streamBinding } from "#node/stream-binding.js";
import { testCertificate } from "../support/certificate.js";
import { connected, fill } from "../support/connected.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { binaryFrame, maskedFrame, RawClient, textFrame } from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";

const MIB = 1_024 * 1_024;
/** A message that is begun and not ended. */
const unfinished = (byteLength: number): Buffer => maskedFrame(0x02, Buffer.alloc(byteLength));
/**
 * A whole message but for its last byte. How long it will be is known, and so there is room for just that in the end; for
 * {@link unfinished} there may be twice as much, which depends on the pieces that it is read in.
 */
const allButOne = (byteLength: number): Buffer => maskedFrame(0x82, Buffer.alloc(byteLength)).subarray(0, -1);

describe("the memory of handshakes that wait for their hook", () => {
  after(leakCheck());

  const skip = streamBinding === undefined && "a stream of Node holds it by itself, 64 KiB at most";

  it("has what came early, and is within that of the server", { skip }, async () => {
    const asked = new Inbox<() => void>("question");
    const server = await serve({
      maxMemoryBytes: 2 * MIB,
      handshakeTimeoutMs: 0,
      upgrade: () => new Promise<Acceptance<undefined>>((resolve) => asked.push(() => resolve(accept()))),
      message() {},
    });
    const clients: RawClient[] = [];
    const answers: (() => void)[] = [];
    const early = binaryFrame(Buffer.alloc(60_000));
    for (let i = 0; i < 60; i++) {
      const client = await RawClient.dial({ port: server.port });
      client.socket.on("error", () => {});
      client.ask();
      clients.push(client);
      answers.push(await asked.next());
    }
    for (const client of clients) client.send(early);
    const open = (): RawClient[] => clients.filter((client) => !client.socket.destroyed);
    await until(() => open().length < 40 && server.memoryBytes <= 2 * MIB, "those above it are dropped");
    assert.ok(open().length > 10);
    // Those that are left are served as if nothing had been, and give back what was counted.
    for (const answer of answers) answer();
    await until(() => server.connections.size === open().length, "they are open");
    await until(
      () => server.memoryBytes === server.connections.size * CONNECTION_BASE_BYTES,
      "nothing is held any more",
    );
    await Promise.all(clients.map((client) => client.destroy()));
    await until(() => server.memoryBytes === 0, "all are gone");
    await server.shutdown();
  });
});

describe("the memory of a connection", () => {
  after(leakCheck());

  it("is that of an idle one where nothing is held, before and after messages", async () => {
    const { server, socket, client, messages, end } = await connected();
    assert.equal(socket.memoryBytes, CONNECTION_BASE_BYTES);
    assert.equal(server.memoryBytes, CONNECTION_BASE_BYTES);
    client.send(textFrame("small"), binaryFrame(Buffer.alloc(300_000)));
    await messages.next();
    await messages.next();
    await rounds(5);
    assert.equal(socket.memoryBytes, CONNECTION_BASE_BYTES);
    assert.equal(server.memoryBytes, CONNECTION_BASE_BYTES);
    await end();
    assert.equal(server.memoryBytes, 0);
  });

  it("has what came of a message that is not complete, and objects", async () => {
    const { server, socket, client, end } = await connected();
    client.send(unfinished(500_000));
    await until(() => socket.memoryBytes > CONNECTION_BASE_BYTES + 500_000, "half a megabyte is held");
    assert.ok(socket.memoryBytes < 2 * 500_000 + 2 * CONNECTION_BASE_BYTES, "twice as much at the most");
    assert.equal(server.memoryBytes, socket.memoryBytes);
    await end();
    assert.equal(server.memoryBytes, 0);
  });

  it("has what nobody took, and what is held back", async () => {
    const { socket, client, end } = await connected({ pulled: true });
    client.send(...Array.from({ length: 1_000 }, () => textFrame("x")));
    await until(() => socket.memoryBytes > CONNECTION_BASE_BYTES + 64 * 1_000, "an object for each");
    for await (const _ of socket) if (socket.memoryBytes === CONNECTION_BASE_BYTES) break;
    await end();
  });

  it("has what waits to be sent, an object for each piece, until it has left", async () => {
    const { server, socket, client, end } = await connected();
    client.socket.pause();
    await fill(socket);
    const filled = socket.memoryBytes;
    for (let i = 0; i < 1_000; i++) {
      socket.send("x");
      await rounds(1);
    }
    const perPiece = (socket.memoryBytes - filled) / 1_000;
    assert.ok(perPiece > 100 && perPiece < 300, `${perPiece} bytes a piece`);
    assert.equal(server.memoryBytes, socket.memoryBytes);
    client.socket.resume();
    await until(() => socket.memoryBytes === CONNECTION_BASE_BYTES, "all has left");
    assert.equal(server.memoryBytes, CONNECTION_BASE_BYTES);
    await end();
  });

  it("has messages that wait behind one that is sent piece by piece", async () => {
    const { socket, client, end } = await connected();
    const writer = socket.startMessage({ binary: false });
    writer.write("begin");
    for (let i = 0; i < 1_000; i++) socket.send("");
    assert.ok(socket.memoryBytes > CONNECTION_BASE_BYTES + 100_000);
    writer.end("end");
    await until(() => client.frames.size === 1_002, "all frames");
    assert.equal(socket.memoryBytes, CONNECTION_BASE_BYTES);
    await end();
  });

  it("has the windows of permessage-deflate", async () => {
    const sockets: { readonly memoryBytes: number }[] = [];
    const server = await serve({
      compression: true,
      open: (socket) => void sockets.push(socket),
      message: (socket, data) => void socket.send(data),
    });
    const got = new Inbox<number>("message");
    const client = await connect(server.url, {
      compression: true,
      message: (_, data) => got.push(data.length),
    });
    assert.equal(sockets[0]?.memoryBytes, CONNECTION_BASE_BYTES);
    client.send("x".repeat(100_000));
    assert.equal(await got.next(), 100_000);
    assert.equal(sockets[0]?.memoryBytes, CONNECTION_BASE_BYTES + 2 * 32_768);
    assert.equal(server.memoryBytes, CONNECTION_BASE_BYTES + 2 * 32_768);
    await client.close();
    await server.shutdown();
    assert.equal(server.memoryBytes, 0);
  });

  it("ends the connection above its own limit, and no other", async () => {
    const { server, socket, client, messages, errors, closes, end } = await connected({
      maxConnectionMemoryBytes: MIB,
    });
    const other = await RawClient.open({ port: server.port });
    other.send(unfinished(2 * MIB));
    await other.gone;
    assert.equal((await errors.next()).code, "MEMORY_EXCEEDED");
    const { code, error } = await closes.next();
    assert.deepEqual([code, error?.code], [1006, "MEMORY_EXCEEDED"]);
    client.send(textFrame("still here"));
    assert.equal(await messages.next(), "still here");
    assert.equal(socket.state, "open");
    assert.equal(server.memoryBytes, CONNECTION_BASE_BYTES);
    await end();
  });

  it("counts tiny messages for a peer that does not read at what they cost, and not at three bytes", async () => {
    const { socket, client, closes, end } = await connected({
      maxConnectionMemoryBytes: 4 * MIB,
      maxBufferedBytes: 4 * MIB,
    });
    client.socket.pause();
    await fill(socket);
    const before = socket.bufferedBytes;
    let added = 0;
    for (let sent = 0; socket.state === "open" && sent < 100_000; sent++) {
      socket.send("x");
      added = Math.max(added, socket.bufferedBytes - before);
      await new Promise(process.nextTick);
    }
    assert.ok(added > 0 && added < 200_000, `${added} bytes of frames`);
    assert.equal((await closes.next()).error?.code, "MEMORY_EXCEEDED");
    await end();
  });

  it("holds for a client as well", async () => {
    const server = await serve({ open: (socket) => void socket.send(Buffer.alloc(4 * MIB)) });
    const ended = new Inbox<CloseResult>("end");
    const errors = new Inbox<HawserError>("error");
    await connect(server.url, {
      maxConnectionMemoryBytes: MIB,
      message() {},
      error: (_, error) => errors.push(error),
      close: (_, result) => ended.push(result),
    });
    assert.equal((await ended.next()).error?.code, "MEMORY_EXCEEDED");
    assert.equal((await errors.next()).code, "MEMORY_EXCEEDED");
    await server.shutdown();
  });
});

describe("the memory of a server", () => {
  after(leakCheck());

  it("is given back by ending who holds the most, so that small clients stay", async () => {
    const { server, socket, client, messages, errors, end } = await connected({ maxMemoryBytes: 6 * MIB });
    const small = await RawClient.open({ port: server.port });
    const message = maskedFrame(0x82, Buffer.alloc(500_000));
    small.send(message.subarray(0, -1));
    await until(() => server.memoryBytes > 500_000, "the small one is counted");
    const large = await RawClient.open({ port: server.port });
    large.send(allButOne(3 * MIB));
    await until(() => server.memoryBytes > 3 * MIB, "the large one is counted");
    const last = await RawClient.open({ port: server.port });
    last.send(allButOne(2.75 * MIB));
    await large.gone;
    assert.equal((await errors.next()).code, "MEMORY_EXCEEDED");
    await delay(150); // another look would have come by now
    assert.equal(errors.size, 0);
    assert.equal(server.connections.size, 3);
    small.send(message.subarray(-1));
    assert.equal((await messages.next()).length, 500_000);
    client.send(textFrame("still here"));
    assert.equal(await messages.next(), "still here");
    assert.equal(socket.state, "open");
    await Promise.all([small.destroy(), last.destroy()]);
    await end();
    assert.equal(server.memoryBytes, 0);
  });

  it("frees what permessage-deflate keeps for speed before it ends anybody", async () => {
    const MIB_AND_A_HALF = 1.5 * MIB;
    for (const limits of [
      { maxConnectionMemoryBytes: 200_000, maxMessageBytes: 65_536, maxBufferedBytes: 65_536 },
      { maxMemoryBytes: MIB_AND_A_HALF },
    ]) {
      const errors: string[] = [];
      const server = await serve({
        ...limits,
        compression: true,
        compressFromBytes: 0,
        message: (socket, data) => void socket.send(data),
        error: (_socket, error) => void errors.push(error.code),
      });
      const got = new Inbox<string>("message");
      const clients = [];
      for (let i = 0; i < 6; i++) {
        const message = (_: unknown, data: string | Buffer) => got.push(String(data));
        clients.push(await connect(server.url, { compression: true, compressFromBytes: 0, message }));
      }
      for (let round = 0; round < 6; round++) {
        for (const client of clients) client.send(`round ${round}`);
        for (const _ of clients) assert.equal(await got.next(), `round ${round}`);
        await delay(40);
      }
      await until(() => server.memoryBytes <= MIB_AND_A_HALF, "it is within its limit");
      assert.deepEqual([errors, server.connections.size], [[], clients.length]);
      for (const client of clients) client.terminate();
      await server.shutdown();
    }
  });

  it("stays within its limit when many small ones come together", async () => {
    const server = await serve({ maxMemoryBytes: 2 * MIB, message() {}, error() {} });
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => RawClient.open({ port: server.port })),
    );
    for (const client of clients) client.send(unfinished(300_000));
    await until(() => server.connections.size < 20, "some are ended");
    await until(() => server.memoryBytes <= 2 * MIB, "the rest is within the limit");
    assert.ok(server.connections.size >= 3, `${server.connections.size} left`);
    await Promise.all(clients.map((client) => client.destroy()));
    await until(() => server.connections.size === 0, "all are gone");
    assert.equal(server.memoryBytes, 0);
    await server.shutdown();
  });

  it("refuses new connections with 503 where there is no room for them", async () => {
    const refusals: string[] = [];
    const server = await serve({
      maxMemoryBytes: 2 * CONNECTION_BASE_BYTES,
      refused: (error) => void refusals.push(error.code),
    });
    const first = await RawClient.open({ port: server.port });
    const second = await RawClient.open({ port: server.port });
    const third = await RawClient.open({ port: server.port });
    assert.deepEqual([first.status, second.status, third.status], [101, 101, 503]);
    assert.equal(third.header("Retry-After"), "5");
    assert.deepEqual(refusals, ["MEMORY_EXCEEDED"]);
    await first.destroy();
    await until(() => server.connections.size === 1, "the first is gone");
    const fourth = await RawClient.open({ port: server.port });
    assert.equal(fourth.status, 101);
    await Promise.all([second.destroy(), third.destroy(), fourth.destroy()]);
    await until(() => server.connections.size === 0, "all are gone");
    assert.equal(server.memoryBytes, 0);
    await server.shutdown();
  });

  it("is counted over TLS as well, and nothing is left of answers that have gone", async () => {
    const { key, cert, ca } = testCertificate();
    const server = await serve({
      tls: { key, cert },
      message: (socket, data) => void socket.send(data),
    });
    const client = await RawClient.open({ port: server.port, ca });
    for (let i = 0; i < 20; i++) {
      client.send(binaryFrame(Buffer.alloc(20_000)));
      assert.equal((await client.next()).payload.length, 20_000);
    }
    await until(() => server.memoryBytes === CONNECTION_BASE_BYTES, "nothing is left");
    await client.destroy();
    await until(() => server.connections.size === 0, "it is gone");
    assert.equal(server.memoryBytes, 0);
    await server.shutdown();
  });

  it("is shared by all routes", async () => {
    const errors = new Inbox<HawserError>("error");
    const server = await serve({
      maxMemoryBytes: MIB,
      routes: {
        "/a": { message() {}, error: (_, error) => errors.push(error) },
        "/b": { message() {}, error: (_, error) => errors.push(error) },
      },
    });
    const a = await RawClient.open({ port: server.port, path: "/a" });
    const b = await RawClient.open({ port: server.port, path: "/b" });
    a.send(allButOne(600_000));
    await until(() => server.memoryBytes > 600_000, "the first is counted");
    b.send(allButOne(550_000));
    assert.equal((await errors.next()).code, "MEMORY_EXCEEDED");
    assert.equal(server.connections.size <= 2, true);
    await Promise.all([a.destroy(), b.destroy()]);
    await server.shutdown();
  });
});
