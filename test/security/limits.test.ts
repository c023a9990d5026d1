// Limits of connections and servers: finite by default, and they hold. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createServer, type HawserError, serve } from "hawser/server";
import {
  DEFAULT_MEMORY_LIMITS,
  DEFAULT_RATE_LIMITS,
  DEFAULT_SEND_LIMITS,
} from "#node/connection/connection-settings.js";
import { receiveBuffer } from "#node/connection/receive-buffer.js";
import { DEFAULT_SERVER_LIMITS } from "#node/server/server-options.js";
import { DEFAULT_DEADLINES, DEFAULT_LIMITS } from "#protocol/engine-config.js";
import { connected, FILLING, fill } from "../support/connected.js";
import { Endpoint } from "../support/engine-pair.js";
import { frameFor, OP } from "../support/frames.js";
import type { Inbox } from "../support/inbox.js";
import {
  binaryFrame,
  maskedFrame,
  pingFrame,
  RawClient,
  requestHead,
  textFrame,
} from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";

const MEBIBYTE = 2 ** 20;

test("every limit is finite by default, except the rates and the lifetime of a connection", () => {
  // Daphne CVE-2026-44545
  const { maxLifetimeMs, ...deadlines } = DEFAULT_DEADLINES;
  assert.equal(maxLifetimeMs, 0);
  const { maxReceivedFramesPerSecond, maxReceivedBytesPerSecond, ...rates } = DEFAULT_RATE_LIMITS;
  assert.deepEqual([maxReceivedFramesPerSecond, maxReceivedBytesPerSecond], [Infinity, Infinity]);
  for (const limits of [
    DEFAULT_LIMITS,
    deadlines,
    DEFAULT_SEND_LIMITS,
    rates,
    DEFAULT_MEMORY_LIMITS,
    DEFAULT_SERVER_LIMITS,
  ]) {
    for (const [name, value] of Object.entries(limits)) {
      assert.ok(Number.isFinite(value) && value > 0, `${name} is ${value}`);
    }
  }
});

test("a message above 16 MiB is refused by default, by its header", () => {
  // Daphne CVE-2026-44545
  for (const role of ["server", "client"] as const) {
    const endpoint = new Endpoint(role);
    endpoint.engine.receive(frameFor(role, { opcode: OP.binary, announce: 2n ** 24n + 1n }));
    assert.equal(endpoint.engine.transportClosed().error?.code, "MESSAGE_TOO_BIG");
  }
});

test("connections are capped in total, with 503", async () => {
  await using server = await serve({ maxConnections: 1 });
  const first = await RawClient.open({ port: server.port });
  const second = await RawClient.open({ port: server.port });
  assert.deepEqual([first.status, second.status], [101, 503]);
  await first.destroy();
});

test("connections are capped by address, with 429", async () => {
  await using server = await serve({ maxConnectionsPerAddress: 1 });
  const first = await RawClient.open({ port: server.port });
  const second = await RawClient.open({ port: server.port });
  assert.deepEqual([first.status, second.status], [101, 429]);
  await first.destroy();
});

test("the addresses of one IPv6 network count as one client", async () => {
  await using server = await serve({
    maxConnectionsPerAddress: 2,
    clientAddress: (request) => request.headers.get("x-from") ?? "",
  });
  const from = async (address: string): Promise<RawClient> =>
    RawClient.open({ port: server.port, headers: { "X-From": address } });
  const clients: RawClient[] = [];
  for (const address of [
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8:0:0:ffff::3",
    "2001:db8:0:1::1",
    "::ffff:192.0.2.1",
  ])
    clients.push(await from(address));
  for (const address of ["::ffff:192.0.2.2", "192.0.2.1", "192.0.2.1"]) clients.push(await from(address));
  assert.deepEqual(
    clients.map(({ status }) => status),
    [101, 101, 429, 101, 101, 101, 101, 429],
  );
  await Promise.all(clients.map((client) => client.destroy()));
});

/** The code of the error that a connection ends with; undefined if it does not. */
async function codeOf(errors: Inbox<HawserError>): Promise<string | undefined> {
  return (await Promise.race([errors.next(), delay(5_000, undefined, { ref: false })]))?.code;
}

test("a peer above the rate of messages is ended, whatever kind of frame it sends", async () => {
  for (const frame of [textFrame("m"), pingFrame(), maskedFrame(0x00, Buffer.alloc(0))]) {
    const options = { maxReceivedFramesPerSecond: 100, overRate: "disconnect" } as const;
    const { client, errors, end } = await connected(options);
    const begin = frame[0] === 0 ? [maskedFrame(0x01, Buffer.from("a"))] : [];
    client.send(...begin, ...new Array<Buffer>(200).fill(frame));
    assert.equal(await codeOf(errors), "RATE_EXCEEDED");
    await end();
  }
});

test("a peer above the rate of bytes is ended", async () => {
  const options = { maxReceivedBytesPerSecond: 10_000, overRate: "disconnect" } as const;
  const { client, errors, end } = await connected(options);
  client.send(binaryFrame(Buffer.alloc(20_000)));
  assert.equal(await codeOf(errors), "RATE_EXCEEDED");
  await end();
});

test("a peer above the rate is read no faster, and loses nothing, where it is not to be ended", async () => {
  const { client, messages, errors, end } = await connected({
    maxReceivedFramesPerSecond: 200,
    rateBurstMs: 50,
  });
  const began = performance.now();
  for (let batch = 0; batch < 3; batch++) {
    client.send(...new Array<Buffer>(50).fill(textFrame("m")));
    for (let i = 0; i < 50; i++) await messages.next();
  }
  assert.ok(
    performance.now() - began > 400,
    "90 messages of the first 100 are owed before the last are read",
  );
  assert.equal(errors.size, 0);
  await end();
});

test("a connection that makes us hold more than its memory limit is ended", async () => {
  const { client, errors, closes, end } = await connected({ maxConnectionMemoryBytes: MEBIBYTE });
  client.send(maskedFrame(0x02, Buffer.alloc(2 * MEBIBYTE)), maskedFrame(0x80, Buffer.alloc(0)));
  assert.equal(await codeOf(errors), "MEMORY_EXCEEDED");
  assert.equal((await closes.next()).code, 1006);
  await end();
});

test("a server that holds more than its memory limit ends who holds the most, and the small ones stay", async () => {
  const { server, client, messages, errors, end } = await connected({ maxMemoryBytes: 6 * MEBIBYTE });
  const sizes = [MEBIBYTE / 2, 3 * MEBIBYTE, 2.75 * MEBIBYTE];
  // Whole but for the last byte: what is known to be so long has room for just that in the end.
  const wholes = sizes.map((size) => maskedFrame(0x82, Buffer.alloc(size)));
  const others: RawClient[] = [];
  let sum = 0;
  for (const whole of wholes) {
    const other = await RawClient.open({ port: server.port });
    others.push(other);
    other.send(whole.subarray(0, -1));
    sum += whole.length;
    await until(() => server.memoryBytes > sum || errors.size > 0, "it is counted");
  }
  assert.equal(await codeOf(errors), "MEMORY_EXCEEDED");
  await until(() => others.some(({ socket }) => socket.destroyed), "one is ended");
  assert.deepEqual(
    others.map(({ socket }) => socket.destroyed),
    [false, true, false],
  );
  others[0]?.send(wholes[0]!.subarray(-1));
  assert.equal((await messages.next()).length, sizes[0]);
  client.send(textFrame("still here"));
  assert.equal(await messages.next(), "still here");
  assert.equal(errors.size, 0);
  await Promise.all(others.map((other) => other.destroy()));
  await end();
});

test("connections that send no request are capped by address, and take no places of others", async () => {
  await using server = await serve({ maxConnectionsPerAddress: 3 });
  const silent = await Promise.all([1, 2, 3].map(() => RawClient.dial({ port: server.port })));
  const above = await RawClient.dial({ port: server.port });
  await Promise.race([above.gone, delay(5_000, undefined, { ref: false })]);
  assert.ok(above.socket.destroyed);
  await silent[0]?.destroy();
  await until(async () => {
    const next = await RawClient.open({ port: server.port });
    await next.destroy();
    return next.status === 101;
  }, "its place is free");
  await Promise.all(silent.map((client) => client.destroy()));
});

test("a connection that is silent is closed at the idle deadline", () => {
  for (const role of ["server", "client"] as const) {
    const endpoint = new Endpoint(role, { clock: { ms: 1_000 }, pingIntervalMs: 0, idleTimeoutMs: 5_000 });
    endpoint.engine.handleTimeout(6_000);
    assert.equal(endpoint.engine.transportClosed().error?.code, "IDLE_TIMEOUT");
  }
});

test("a peer that answers no ping is dropped", () => {
  for (const role of ["server", "client"] as const) {
    const clock = { ms: 1_000 };
    const endpoint = new Endpoint(role, { clock, pingIntervalMs: 5_000, pongTimeoutMs: 2_000 });
    for (clock.ms = 6_000; clock.ms <= 8_000; clock.ms += 2_000) endpoint.engine.handleTimeout(clock.ms);
    assert.equal(endpoint.engine.transportClosed().error?.code, "PONG_TIMEOUT");
  }
});

test("a connection is closed at the end of its maximum lifetime, however busy it is", () => {
  const clock = { ms: 1_000 };
  const endpoint = new Endpoint("server", { clock, maxLifetimeMs: 5_000 });
  for (let i = 0; i < 6; i++) {
    endpoint.receive(frameFor("server", { opcode: OP.text, payload: "busy" }));
    endpoint.engine.handleTimeout((clock.ms += 1_000));
  }
  assert.equal(endpoint.engine.isOpen, false);
  assert.equal(endpoint.engine.transportClosed().sent?.code, 1001);
});

test("a peer that never ends the closing handshake is dropped", () => {
  for (const role of ["server", "client"] as const) {
    const endpoint = new Endpoint(role, { clock: { ms: 1_000 }, closeTimeoutMs: 5_000 });
    endpoint.engine.close(1000);
    endpoint.engine.handleTimeout(6_000);
    assert.deepEqual(endpoint.events.at(-1), { type: "disconnect", how: "destroy" });
  }
});

test("a peer that does not read is dropped at `maxBufferedBytes`", async () => {
  for (const isInPieces of [false, true]) {
    const { socket, errors, end } = await connected({ maxBufferedBytes: 100_000 }, { paused: true });
    await fill(socket);
    const writer = isInPieces ? socket.startMessage() : undefined;
    for (let i = 0; i < 3; i++) {
      if (writer === undefined) socket.send(FILLING);
      else writer.write(FILLING);
    }
    assert.equal(socket.state === "open" ? "open" : (await errors.next()).code, "BUFFER_OVERFLOW");
    await end();
  }
});

test("a small message that waits to be taken keeps alive nothing of what came around it", async () => {
  // The mark of 64 KiB counts messages; a peer could have each of them hold a chunk of 64 KiB, or a block of Node's pool.
  const { socket, client, end } = await connected({ pulled: true });
  const pongs = Array.from({ length: 100 }, () => maskedFrame(0x8a, Buffer.alloc(125)));
  const sizes = [5, 0, 3_000, 20_000];
  for (const size of sizes) client.send(binaryFrame(Buffer.alloc(size, "m")), ...pongs);
  await until(() => socket.memoryBytes > 40_000, "all of them wait");
  for (const size of sizes) {
    const message = await socket[Symbol.asyncIterator]().next();
    assert.ok(Buffer.alloc(size, "m").equals(message.value as Buffer));
    assert.equal((message.value as Buffer).buffer.byteLength, size);
  }
  await end();
});

test("a small message that is handed out at once keeps alive no chunk that came from the network", async () => {
  const { client, messages, end } = await connected();
  const poolBytes = Buffer.allocUnsafe(1).buffer.byteLength; // `Buffer.poolSize`, and on Node 26 what aligns it
  const sizes = [1, 5, 3_000, 5_000, 20_000, 40_000];
  for (const size of sizes) {
    client.send(binaryFrame(Buffer.alloc(size)));
    const message = (await messages.next()) as Buffer;
    assert.equal(message.length, size);
    assert.notEqual(message.buffer, receiveBuffer.buffer);
    assert.ok(
      message.buffer.byteLength <= Math.max(2 * size, poolBytes),
      `${size}: no more than twice its own, or Node's pool`,
    );
  }
  await end();
  // A stream that is no socket brings chunks of its own.
  const { taken, chunk, stop } = await streamed(sizes.map((size) => binaryFrame(Buffer.alloc(size))));
  for (const message of taken.filter(({ length }) => length < 20_000))
    assert.notEqual(message.buffer, chunk.buffer);
  assert.equal(taken.length, sizes.length);
  await stop();
});

/** Has a server read frames from a stream that is no socket, all in one chunk. */
async function streamed(frames: readonly Buffer[]): Promise<{
  readonly taken: Buffer[];
  readonly chunk: Buffer;
  stop(): Promise<void>;
}> {
  const taken: Buffer[] = [];
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const server = createServer({ message: (_socket, data) => void taken.push(data as Buffer) });
  const [, ...fields] = requestHead().trimEnd().split("\r\n");
  const rawHeaders = fields.flatMap((field) => field.split(": "));
  const incoming = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders, socket: {} };
  await server.handleUpgrade(incoming as unknown as IncomingMessage, stream, Buffer.alloc(0));
  const chunk = Buffer.concat(frames);
  stream.push(chunk);
  await rounds(3);
  return {
    taken,
    chunk,
    stop: async () => {
      stream.destroy();
      await server.shutdown();
    },
  };
}
