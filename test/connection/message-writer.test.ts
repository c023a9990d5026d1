import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { prepareMessage } from "hawser/server";
import { connected, fill } from "../support/connected.js";
import { leakCheck } from "../support/leak-check.js";
import { closeFrame, pingFrame } from "../support/raw-client.js";
import { rounds } from "../support/until.js";
import { withTimeout } from "../support/with-timeout.js";

describe("a message sent piece by piece", () => {
  after(leakCheck());

  it("has others `dropped`, not `sent`, where what waits behind it is too much memory", async () => {
    for (const message of [Buffer.alloc(8_000), prepareMessage(Buffer.alloc(8_000))]) {
      const { socket, client, errors, end } = await connected({ maxConnectionMemoryBytes: 30_000 });
      socket.startMessage().write("a");
      const statuses: string[] = [];
      while (socket.state === "open") statuses.push(socket.send(message));
      statuses.push(socket.send(message));
      assert.deepEqual(statuses, ["sent", "sent", "sent", "dropped", "closed"]);
      assert.equal((await errors.next()).code, "MEMORY_EXCEEDED");
      await client.gone;
      await end();
    }
  });

  it("leaves as fragments, each when it is written", async () => {
    const { socket, client, end } = await connected();
    const writer = socket.startMessage({ binary: false });
    assert.equal(writer.write("one "), "sent");
    const first = await client.next();
    assert.deepEqual([first.opcode, first.fin, first.payload.toString()], [1, false, "one "]);
    writer.write("twö ");
    const second = await client.next();
    assert.deepEqual([second.opcode, second.fin, second.payload.toString()], [0, false, "twö "]);
    writer.end("three");
    const last = await client.next();
    assert.deepEqual([last.opcode, last.fin, last.payload.toString()], [0, true, "three"]);
    await end();
  });

  it("may be one piece, or none", async () => {
    const { socket, client, end } = await connected();
    socket.startMessage().end(Buffer.from([1]));
    socket.startMessage().end();
    const frames = [await client.next(), await client.next()];
    assert.deepEqual(
      frames.map(({ opcode, fin, payload }) => [opcode, fin, payload.length]),
      [
        [2, true, 1],
        [2, true, 0],
      ],
    );
    await end();
  });

  it("lets control frames through, and others wait for its end in their order", async () => {
    const { socket, client, end } = await connected();
    const writer = socket.startMessage();
    writer.write(Buffer.from("a"));
    assert.equal(socket.send("after 1"), "sent");
    assert.equal(socket.send(prepareMessage("after 2")), "sent");
    assert.ok(socket.bufferedBytes >= 14);
    client.send(pingFrame("p"));
    assert.equal((await client.next()).payload.toString(), "a");
    assert.equal((await client.next()).opcode, 10);
    writer.end(Buffer.from("b"));
    const rest = [await client.nextText(), await client.nextText(), await client.nextText()];
    assert.deepEqual(rest, ["b", "after 1", "after 2"]);
    assert.equal(socket.bufferedBytes, 0);
    await end();
  });

  it("does not see what becomes of the bytes of a message that waits, if they are few", async () => {
    const { socket, client, end } = await connected();
    const writer = socket.startMessage();
    const bytes = Buffer.from("before");
    socket.send(bytes);
    bytes.fill("x");
    writer.end();
    await client.next();
    assert.equal(await client.nextText(), "before");
    await end();
  });

  it("is one at a time", async () => {
    const { socket, end } = await connected();
    const writer = socket.startMessage();
    assert.throws(() => socket.startMessage(), { code: "MESSAGE_IN_PROGRESS" });
    writer.end();
    assert.throws(() => writer.write("x"), { code: "MESSAGE_IN_PROGRESS" });
    socket.startMessage().end();
    await end();
  });

  it("says `closed` when the connection closes in the middle, and holds nothing back", async () => {
    const { socket, client, closes, end } = await connected();
    const writer = socket.startMessage();
    writer.write("begun");
    socket.send("waits");
    client.send(closeFrame(1000));
    await closes.next();
    assert.equal(writer.write("x"), "closed");
    assert.equal(writer.end("x"), "closed");
    assert.equal(socket.bufferedBytes, 0);
    await end();
  });

  it("is not held up by those that wait for its end, however large they are", async () => {
    const { socket, client, end } = await connected();
    const writer = socket.startMessage({ binary: false });
    assert.equal(socket.send(Buffer.alloc(200_000)), "queued");
    assert.equal(writer.write("begun"), "queued");
    assert.equal(await withTimeout(socket.ready(), 5_000, "room for the next piece"), true);
    writer.end("done");
    assert.equal((await client.next()).payload.toString(), "begun");
    assert.equal((await client.next()).payload.toString(), "done");
    assert.equal((await client.next()).payload.length, 200_000);
    await end();
  });

  it("says `queued` where the peer does not read, and ends at `maxBufferedBytes` too", async () => {
    for (const overflow of ["disconnect", "drop"] as const) {
      const { socket, client, errors, end } = await connected(
        { maxBufferedBytes: 300_000, overflow },
        { paused: true },
      );
      await fill(socket);
      const writer = socket.startMessage();
      const statuses = new Set<string>();
      for (let i = 0; i < 20; i++) statuses.add(writer.write(Buffer.alloc(50_000)));
      assert.deepEqual(
        [...statuses].filter((status) => status !== "sent"),
        ["queued", "dropped", "closed"],
      );
      assert.equal((await errors.next()).code, "BUFFER_OVERFLOW");
      client.socket.resume();
      await client.gone;
      await rounds(1);
      await end();
    }
  });
});
