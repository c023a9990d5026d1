import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { connected } from "../support/connected.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { maskedFrame, pingFrame, pongFrame, textFrame } from "../support/raw-client.js";
import { rounds } from "../support/until.js";

describe("pings and pongs", () => {
  after(leakCheck());

  it("are answered with the same payload, and the handler is told", async () => {
    const pings = new Inbox<string>("ping");
    const { client, end } = await connected({ ping: (_socket, data) => pings.push(data.toString()) });
    client.send(pingFrame("are you there?"));
    const { opcode, payload } = await client.next();
    assert.deepEqual([opcode, payload.toString()], [10, "are you there?"]);
    assert.equal(await pings.next(), "are you there?");
    await end();
  });

  it("are not answered with `autoPong` off, but by hand", async () => {
    const { client, end } = await connected({
      autoPong: false,
      ping: (socket, data) => void (data.toString() === "second" && socket.pong("by hand")),
    });
    client.send(pingFrame("first"), pingFrame("second"));
    const { opcode, payload } = await client.next();
    assert.deepEqual([opcode, payload.toString()], [10, "by hand"]);
    await end();
  });

  it("give the round-trip time, to the caller, the handler and `latencyMs`", async () => {
    const times = new Inbox<number | undefined>("pong");
    const { socket, client, end } = await connected({
      pong: (_socket, _data, roundTripMs) => times.push(roundTripMs),
    });
    assert.equal(socket.latencyMs, undefined);
    const pinging = socket.ping("mine");
    const { opcode, payload } = await client.next();
    assert.deepEqual([opcode, payload.toString()], [9, "mine"]);
    client.send(pongFrame(Buffer.from("another")));
    assert.equal(await times.next(), undefined);
    assert.equal(socket.latencyMs, undefined);
    client.send(pongFrame(payload));
    const roundTripMs = await pinging;
    assert.ok(roundTripMs !== undefined && roundTripMs >= 0);
    assert.equal(socket.latencyMs, roundTripMs);
    assert.equal(await times.next(), roundTripMs);
    await end();
  });

  it("resolve with undefined where the connection ends first", async () => {
    const { socket, client, end } = await connected();
    const pinging = socket.ping();
    assert.equal((await client.next()).payload.length, 4);
    await client.destroy();
    assert.equal(await pinging, undefined);
    await end();
  });

  it("take at most 125 bytes", async () => {
    const { socket, client, end } = await connected();
    await assert.rejects(socket.ping("x".repeat(126)), { code: "CONTROL_PAYLOAD_TOO_LONG" });
    assert.throws(() => socket.pong(Buffer.alloc(126)), { code: "CONTROL_PAYLOAD_TOO_LONG" });
    void socket.ping(new Uint8Array(125));
    assert.equal((await client.next()).payload.length, 125);
    await end();
  });
});

describe("keepalive", () => {
  after(leakCheck());

  it("drops a peer that never answers its pings", async () => {
    const { client, errors, closes, end } = await connected({ pingIntervalMs: 60, pongTimeoutMs: 60 });
    assert.equal((await client.next()).opcode, 9);
    assert.equal((await errors.next()).code, "PONG_TIMEOUT");
    assert.equal((await closes.next()).code, 1006);
    await client.gone;
    await end();
  });

  it("keeps a peer that answers, pings it again and again, and measures its latency", async () => {
    // The next ping must not wait for the deadline of the pong that came.
    const { socket, client, errors, end } = await connected({ pingIntervalMs: 60, pongTimeoutMs: 60_000 });
    const payloads: string[] = [];
    for (let i = 0; i < 3; i++) {
      const ping = await client.next();
      assert.equal(ping.opcode, 9);
      payloads.push(ping.payload.toString("hex"));
      client.send(pongFrame(ping.payload));
    }
    assert.equal(new Set(payloads).size, 3, "a peer cannot answer ahead");
    assert.notEqual(socket.latencyMs, undefined);
    assert.equal(errors.size, 0);
    await end();
  });

  it("closes a connection on which nothing is received", async () => {
    const { client, errors, end } = await connected({ idleTimeoutMs: 60 });
    assert.deepEqual(await client.finish(), { code: 1001, reason: "idle timeout" });
    assert.equal((await errors.next()).code, "IDLE_TIMEOUT");
    await end();
  });

  it("closes a connection at the end of its life, though it is busy", async () => {
    const { socket, client, errors, end } = await connected({ maxLifetimeMs: 120 });
    while (socket.state === "open") {
      client.send(textFrame("busy"));
      await rounds(10);
    }
    assert.deepEqual(await client.finish(), { code: 1001, reason: "maximum lifetime reached" });
    assert.equal(errors.size, 0);
    await end();
  });

  it("closes a connection that is paused at the end of its life, and reads the answer", async () => {
    const { socket, client, closes, end } = await connected({ maxLifetimeMs: 100 });
    socket.pause();
    assert.deepEqual(await client.finish(), { code: 1001, reason: "maximum lifetime reached" });
    const { wasClean, error } = await closes.next();
    assert.deepEqual({ wasClean, error }, { wasClean: true, error: undefined });
    await end();
  });

  it("ends the loop of who takes messages too slowly at the end of the connection's life", async () => {
    const { socket, client, closes, end } = await connected({
      pulled: true,
      maxLifetimeMs: 100,
      receiveHighWaterMarkBytes: 0,
    });
    client.send(textFrame("a"), textFrame("b"));
    assert.equal((await client.finish()).code, 1001);
    assert.equal((await closes.next()).wasClean, true);
    const taken: unknown[] = [];
    for await (const message of socket) taken.push(message);
    assert.deepEqual(taken, ["a"]);
    await end();
  });

  it("closes a connection on which a message does not end", async () => {
    const { client, errors, end } = await connected({ messageTimeoutMs: 60 });
    client.send(maskedFrame(0x01, Buffer.from("begun")));
    assert.equal((await client.nextClose()).code, 1008);
    client.socket.end();
    assert.equal((await errors.next()).code, "MESSAGE_TIMEOUT");
    await end();
  });
});
