import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { runInNewContext } from "node:vm";
import { type BinaryData, prepareMessage } from "hawser/server";
import { connected } from "../support/connected.js";
import { leakCheck } from "../support/leak-check.js";

describe("what can be sent", () => {
  after(leakCheck());

  it("is bytes in every shape, by their byte length", async () => {
    const { socket, client, end } = await connected();
    const bytes = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    const { buffer } = new Uint8Array(bytes);
    const shared = new SharedArrayBuffer(16);
    new Uint8Array(shared).set(bytes);
    const shapes: [BinaryData, Buffer][] = [
      [bytes, bytes],
      [buffer, bytes],
      [shared, bytes],
      [new Uint16Array(buffer, 2, 3), bytes.subarray(2, 8)],
      [new DataView(buffer, 3, 5), bytes.subarray(3, 8)],
      [new Float64Array(buffer), bytes],
      [new BigInt64Array(shared, 8), bytes.subarray(8)],
      [runInNewContext("new Uint8Array([1, 2]).buffer"), bytes.subarray(0, 2)],
      [runInNewContext("new Uint16Array([513])"), bytes.subarray(0, 2)],
      [new ArrayBuffer(0), Buffer.alloc(0)],
    ];
    for (const [data] of shapes) socket.send(data);
    for (const [i, [, expected]] of shapes.entries()) {
      const frame = await client.next();
      assert.equal(frame.opcode, 2);
      assert.ok(frame.payload.equals(expected), `shape ${i}`);
    }
    await end();
  });

  it("is nothing else: a number, an object or an array never becomes bytes", async () => {
    const { socket, client, end } = await connected();
    const isInvalid = { name: "UsageError", code: "INVALID_PAYLOAD" };
    const writer = socket.startMessage();
    const wrong = [
      0,
      5,
      1e6,
      null,
      undefined,
      true,
      {},
      [],
      [1, 2],
      Symbol("s"),
      () => {},
      Object.create(null),
      new Date(),
    ];
    wrong.push({ length: 100 }, { type: "Buffer", data: [1] }, new Set([1]), Promise.resolve("x"));
    for (const value of wrong) {
      const data = value as string;
      assert.throws(() => socket.send(data), isInvalid, String(typeof value));
      assert.throws(() => writer.write(data), isInvalid);
      if (value === undefined) continue;
      assert.throws(() => socket.pong(data), isInvalid);
      await assert.rejects(async () => socket.ping(data), isInvalid);
    }
    writer.end();
    assert.equal((await client.next()).payload.length, 0);
    socket.send("end");
    assert.equal(await client.nextText(), "end");
    assert.equal(client.frames.size, 0);
    await end();
  });

  it("leaves a refused ping to its promise alone", async () => {
    const { socket, end } = await connected();
    const pinging = socket.ping(5 as unknown as string);
    await assert.rejects(pinging, { code: "INVALID_PAYLOAD" });
    await end();
  });

  it("is a prepared message", async () => {
    const { socket, client, end } = await connected();
    const prepared = prepareMessage(new Uint16Array([513]));
    socket.send(prepared);
    assert.ok((await client.next()).payload.equals(Buffer.from([1, 2])));
    await end();
  });
});
