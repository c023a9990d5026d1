// What is sent: bytes that somebody wrote, and no others. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "hawser/server";
import { nodeHost } from "#node/node-host.js";
import { connected } from "../support/connected.js";
import { Endpoint } from "../support/engine-pair.js";
import { OP } from "../support/frames.js";

/** What a caller in JavaScript can give where the types want something else. */
function wrong(value: unknown): never {
  return value as never;
}

const invalidPayload = { code: "INVALID_PAYLOAD" };

test("a number to send, ping or pong is refused, and never that many bytes of uninitialised memory", async () => {
  // ws CVE-2016-10518
  const { socket, client, end } = await connected();
  assert.throws(() => socket.pong(wrong(100)), invalidPayload);
  await assert.rejects(socket.ping(wrong(100)), invalidPayload);
  for (const value of [100, { length: 100 }, [1, 2], null]) {
    assert.throws(() => socket.send(wrong(value)), invalidPayload);
  }
  socket.send("only this");
  assert.equal(await client.nextText(), "only this");
  await end();
});

test("an engine that is given a number as a ping refuses it, on both sides", () => {
  // ws CVE-2016-10518
  for (const role of ["server", "client"] as const) {
    const { engine } = new Endpoint(role);
    assert.throws(() => engine.ping(wrong({ length: 100 })), UsageError);
    assert.throws(() => engine.pong(wrong(100)), UsageError);
  }
});

test("a close reason that is a typed array is refused, and the connection stays usable", async () => {
  // ws CVE-2026-45736
  for (const role of ["server", "client"] as const) {
    const endpoint = new Endpoint(role, { host: "node" });
    for (const reason of [new Float32Array(20), new Uint8Array(20), 20, { length: 20 }]) {
      assert.throws(() => endpoint.engine.close(1000, wrong(reason)), invalidPayload);
    }
    assert.equal(endpoint.take().length, 0);
    assert.ok(endpoint.engine.isOpen);
  }
});

test("a typed array is sent by its byte length, not by its number of elements", async () => {
  // ws CVE-2026-45736
  const { socket, client, end } = await connected();
  const numbers = Float64Array.of(1, 2, 3);
  socket.send(numbers);
  assert.deepEqual((await client.next()).payload, Buffer.from(numbers.buffer));
  void socket.ping(new Uint16Array([0x4142, 0x4344]));
  assert.equal((await client.next()).payload.length, 4);
  await end();
});

test("of a buffer that was reserved too large, only what was written is sent", () => {
  // ws CVE-2016-10518: the room for a text is reserved before its length in UTF-8 is known.
  for (const role of ["server", "client"] as const) {
    const endpoint = new Endpoint(role, { host: "node", fill: 0xee });
    for (const text of ["", "a", "é".repeat(20), "€".repeat(40), "\ud800", "😀".repeat(30)]) {
      endpoint.engine.send(text, OP.text);
      const [frame] = endpoint.takeFrames();
      assert.deepEqual(frame?.payload, Buffer.from(text));
    }
  }
});

test("masking keys come from the system's randomness, so that no peer can choose what is on the wire", () => {
  // RFC 6455 §10.3: chosen bytes on the wire poison the caches of proxies that take them for HTTP.
  const keys = new Set(Array.from({ length: 4_096 }, () => nodeHost.randomMask()));
  assert.ok(keys.size > 4_000, `${keys.size} different keys of 4096`);
});
