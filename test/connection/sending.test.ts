import assert from "node:assert/strict";
import { Socket } from "node:net";
import { after, describe, it, mock } from "node:test";
import type { ServerConnection } from "hawser/server";
import { RawSocket } from "#node/raw-socket.js";
import { testCertificate } from "../support/certificate.js";
import { connected, FILLING, fill } from "../support/connected.js";
import { Inbox, PATIENCE_MS } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { pingFrame, textFrame } from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";
import { withTimeout } from "../support/with-timeout.js";

describe("sending to a peer that reads", () => {
  after(leakCheck());

  it("arrives in order, whatever the sizes", async () => {
    const { socket, client, end } = await connected();
    const sizes = [
      0, 1, 125, 126, 127, 65_535, 65_536, 16_384, 16_385, 32_768, 32_769, 300_000, 5, 70_000, 0,
    ];
    for (const [i, size] of sizes.entries()) socket.send(Buffer.alloc(size, i));
    for (const [i, size] of sizes.entries()) {
      const { payload } = await client.next();
      assert.ok(payload.equals(Buffer.alloc(size, i)), `message ${i} of ${size} bytes`);
    }
    await end();
  });

  it("is `sent`, and leaves nothing buffered", async () => {
    const { socket, client, end } = await connected();
    assert.equal(socket.send("hello"), "sent");
    assert.equal(socket.bufferedBytes, 7); // until the end of the turn
    assert.equal(await client.nextText(), "hello");
    assert.equal(socket.bufferedBytes, 0);
    assert.equal(await socket.ready(), true);
    await end();
  });

  it("sends text as binary and bytes as text where it is told", async () => {
    const { socket, client, end } = await connected();
    socket.send("é", { binary: true });
    socket.send(Buffer.from("é"), { binary: false });
    assert.deepEqual([(await client.next()).opcode, (await client.next()).opcode], [2, 1]);
    await end();
  });

  it("writes once a turn, however many messages there are", async () => {
    const writes = [mock.method(Socket.prototype, "write"), mock.method(RawSocket.prototype, "write")];
    try {
      const { socket, client, end } = await connected({
        message(socket, data) {
          for (let i = 0; i < 5; i++) socket.send(data);
        },
      });
      const ours = (): number =>
        writes.flatMap((write) => write.mock.calls.filter((call) => call.this !== client.socket)).length;
      const before = ours();
      for (let i = 0; i < 100; i++) socket.send(`message ${i}`);
      for (let i = 0; i < 100; i++) assert.equal(await client.nextText(), `message ${i}`);
      assert.equal(ours() - before, 1);
      // The answers to what comes in one chunk leave together too.
      client.send(...Array.from({ length: 20 }, () => textFrame("hi")));
      for (let i = 0; i < 100; i++) assert.equal(await client.nextText(), "hi");
      assert.equal(ours() - before, 2);
      await end();
    } finally {
      for (const write of writes) write.mock.restore();
    }
  });

  it("takes a large message at its word, and small ones back to be reused at once", async () => {
    const { socket, client, end } = await connected();
    const small = Buffer.alloc(16_384, 1);
    socket.send(small);
    small.fill(9);
    const large = Buffer.alloc(100_000, 2);
    socket.send(large);
    assert.ok((await client.next()).payload.equals(Buffer.alloc(16_384, 1)));
    assert.ok((await client.next()).payload.equals(Buffer.alloc(100_000, 2)));
    assert.ok(large.equals(Buffer.alloc(100_000, 2)), "the caller's bytes are not changed");
    await end();
  });
});

describe("bytes that are sent by reference", () => {
  after(leakCheck());

  it("may be changed once `ready()` has resolved, in the turn in which they were sent", async () => {
    const { socket, client, end } = await connected();
    const bytes = Buffer.alloc(20_000, 1);
    assert.equal(socket.send(bytes), "sent");
    assert.equal(await socket.ready(), true);
    bytes.fill(2);
    assert.ok((await client.next()).payload.equals(Buffer.alloc(20_000, 1)));
    await end();
  });

  for (const isSecure of [false, true]) {
    it(`are waited for by \`ready()\` below the mark, too, ${isSecure ? "over TLS" : "over TCP"}`, async () => {
      const { key, cert, ca } = testCertificate();
      const { socket, client, end } = await connected(
        { highWaterMarkBytes: 200_000, ...(isSecure && { tls: { key, cert } }) },
        { paused: true, ...(isSecure && { ca }) },
      );
      let bytes = FILLING;
      let sent = 0;
      for (; socket.bufferedBytes === 0; sent++) {
        bytes = Buffer.alloc(40_000, 1);
        socket.send(bytes);
        await rounds(1);
      }
      assert.ok(socket.bufferedBytes < 200_000);
      let isReady = false;
      const ready = socket.ready().then((isOpen) => {
        isReady = true;
        bytes.fill(2);
        return isOpen;
      });
      await rounds(10);
      assert.equal(isReady, false);
      client.socket.resume();
      assert.equal(await withTimeout(ready, PATIENCE_MS, "they have left"), true);
      for (let i = 0; i < sent; i++) assert.ok((await client.next()).payload.equals(Buffer.alloc(40_000, 1)));
      await end();
    });
  }

  it("are copied where they wait for the end of a message in pieces, for which `ready()` does not wait", async () => {
    const { socket, client, end } = await connected();
    const writer = socket.startMessage();
    const bytes = Buffer.alloc(20_000, 1);
    socket.send(bytes);
    assert.equal(await socket.ready(), true);
    bytes.fill(2);
    writer.end("end");
    assert.equal((await client.next()).payload.toString(), "end");
    assert.ok((await client.next()).payload.equals(Buffer.alloc(20_000, 1)));
    await end();
  });
});

describe("sending to a peer that does not read", () => {
  after(leakCheck());

  it("is `queued` above the high-water mark, and `drain` is told once when it is below again", async () => {
    const drains: ServerConnection[] = [];
    const { socket, client, end } = await connected(
      { drain: (socket) => void drains.push(socket) },
      { paused: true },
    );
    const sent = await fill(socket);
    drains.length = 0;
    assert.equal(socket.send(FILLING), "queued");
    assert.equal(socket.send("more"), "queued");
    assert.ok(socket.bufferedBytes > FILLING.length);
    const ready = [socket.ready(), socket.ready()];
    await rounds(5);
    assert.equal(drains.length, 0);
    client.socket.resume();
    assert.deepEqual(await Promise.all(ready), [true, true]);
    assert.deepEqual(drains, [socket]);
    for (let i = 0; i < sent + 1; i++) assert.ok((await client.next()).payload.equals(FILLING));
    assert.equal(await client.nextText(), "more");
    assert.equal(socket.bufferedBytes, 0);
    assert.equal(drains.length, 1);
    await end();
  });

  it("is above the mark in one turn too, and below it as soon as the system has taken it", async () => {
    const drained = new Inbox<void>("drain");
    const { socket, client, end } = await connected({ drain: () => drained.push() });
    let status: string;
    let count = 0;
    do {
      status = socket.send(Buffer.alloc(10_000));
      count++;
    } while (status === "sent");
    assert.equal(status, "queued");
    assert.equal(count, 7); // the first above 64 KiB
    await drained.next();
    assert.equal(drained.size, 0);
    assert.equal(socket.send("x"), "sent");
    for (let i = 0; i < 7; i++) assert.equal((await client.next()).payload.length, 10_000);
    assert.equal(await client.nextText(), "x");
    await end();
  });

  it("is told of `drain` also where the mark is below the buffer of Node's socket", async () => {
    for (const ca of [undefined, testCertificate().ca]) {
      const { key, cert } = testCertificate();
      const { socket, client, end } = await connected(
        { highWaterMarkBytes: 100, ...(ca !== undefined && { tls: { key, cert } }) },
        { paused: true, ca },
      );
      await fill(socket);
      client.socket.resume();
      await until(() => socket.bufferedBytes === 0, "all is read");
      client.socket.pause();
      // Fills the system's buffers again, so that what is behind them has to wait.
      for (let i = 0; i < 10_000 && socket.bufferedBytes === 0; i++) {
        socket.send(Buffer.alloc(10_000));
        await rounds(1);
      }
      assert.ok(socket.bufferedBytes > 100);
      const ready = withTimeout(socket.ready(), PATIENCE_MS, "room below the mark");
      client.socket.resume();
      assert.equal(await ready, true);
      await end();
    }
  });

  it("disconnects above `maxBufferedBytes` by default", async () => {
    const { socket, client, errors, closes, end } = await connected(
      { maxBufferedBytes: 200_000 },
      { paused: true },
    );
    await fill(socket);
    socket.send(FILLING);
    const ready = socket.ready();
    const statuses: string[] = [];
    for (let i = 0; i < 6; i++) statuses.push(socket.send(FILLING));
    assert.deepEqual([...new Set(statuses)], ["queued", "dropped", "closed"]);
    assert.equal(await ready, false);
    assert.equal((await errors.next()).code, "BUFFER_OVERFLOW");
    const { code, wasClean, initiator } = await closes.next();
    assert.deepEqual({ code, wasClean, initiator }, { code: 1006, wasClean: false, initiator: "local" });
    client.socket.resume();
    await client.gone;
    await end();
  });

  it("drops messages above `maxBufferedBytes` where it is told, and goes on", async () => {
    const { socket, client, end } = await connected(
      { maxBufferedBytes: 200_000, overflow: "drop" },
      { paused: true },
    );
    let taken = await fill(socket);
    for (let i = 0; i < 6; i++) if (socket.send(FILLING) === "queued") taken++;
    assert.ok(socket.bufferedBytes <= 200_000);
    assert.equal(socket.send("small"), "queued");
    assert.equal(socket.send(FILLING), "dropped");
    assert.equal(socket.state, "open");
    client.socket.resume();
    for (let i = 0; i < taken; i++) assert.equal((await client.next()).payload.length, FILLING.length);
    assert.equal(await client.nextText(), "small");
    await end();
  });

  it("passes one message of any size into an empty buffer", async () => {
    const { socket, client, end } = await connected({ maxBufferedBytes: 10 });
    assert.notEqual(socket.send(Buffer.alloc(1_000_000)), "dropped");
    assert.equal((await client.next()).payload.length, 1_000_000);
    await end();
  });

  it("resolves `ready()` with false where the connection ends", async () => {
    const { socket, client, end } = await connected({}, { paused: true });
    await fill(socket);
    socket.send(FILLING);
    const ready = socket.ready();
    await client.destroy();
    assert.equal(await ready, false);
    assert.equal(await socket.ready(), false);
    await end();
  });

  it("leaves the others their turns where a `drain` handler fills the buffer again at once", async () => {
    const ROUNDS = 200;
    let drains = 0;
    const { socket, client, end } = await connected({
      drain(socket) {
        if (++drains < ROUNDS) while (socket.send(Buffer.alloc(30_000)) === "sent");
      },
    });
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    client.frames.takeAll();
    while (socket.send(Buffer.alloc(30_000)) === "sent");
    await until(() => drains === ROUNDS, "all rounds");
    isOver = true;
    assert.ok(turns >= ROUNDS / 2, `${turns} turns for the others in ${ROUNDS} rounds of drain`);
    await end();
  });

  it("bounds the pongs that a peer asks for and does not read", async () => {
    const { socket, client, errors, closes, end } = await connected(
      { maxPendingPongs: 10, closeTimeoutMs: 60 },
      { paused: true },
    );
    await fill(socket);
    socket.send(FILLING);
    client.send(...Array.from({ length: 10 }, () => pingFrame("flood")));
    client.send(textFrame("in between"));
    await rounds(20);
    assert.equal(errors.size, 0);
    client.send(pingFrame("flood"));
    const error = await errors.next();
    assert.equal(error.code, "TOO_MANY_PENDING_PONGS");
    assert.equal((await closes.next()).sent?.code, 1008);
    await end();
  });

  it("answers any number of pings of a peer that reads, whatever was sent to it before", async () => {
    const { socket, client, errors, end } = await connected({ maxPendingPongs: 3 });
    for (const size of [20_000, 40_000, 200_000]) {
      socket.send(Buffer.alloc(size)); // in pieces
      assert.equal((await client.next()).payload.length, size);
      for (let i = 0; i < 10; i++) {
        client.send(pingFrame("x"));
        assert.equal((await client.next()).opcode, 10);
      }
    }
    assert.equal(errors.size, 0);
    await end();
  });

  it("answers any number of pings of a peer that reads", async () => {
    const { client, errors, end } = await connected({ maxPendingPongs: 3 });
    for (let i = 0; i < 50; i++) client.send(...Array.from({ length: 20 }, () => pingFrame("x")));
    for (let i = 0; i < 1_000; i++) assert.equal((await client.next()).opcode, 10);
    assert.equal(errors.size, 0);
    await end();
  });
});
