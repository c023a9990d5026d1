import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ServerConnection, serve } from "hawser/server";
import { until } from "../support/until.js";

/** The other end: a `WebSocketStream` of Hawser or of a browser. */
export interface PressureEnd {
  open(url: string): Promise<void>;
  startWriting(count: number, byteLength: number): Promise<void>;
  written(): Promise<number>;
  read(byteLength: number): Promise<number>;
  close(): Promise<void>;
}

const CHUNK = Buffer.alloc(65_536);
/** More than the buffers of both systems, and of the browser, can hold. */
const COUNT = 640;
const TOTAL_BYTES = COUNT * CHUNK.length;
/** Long enough for what is not held back to be through. */
const A_WHILE_MS = 150;

/** A stream that is not read stops its peer, and one whose peer does not read waits with its writes. */
export async function backpressureBothWays(t: TestContext, end: PressureEnd): Promise<void> {
  const sockets: ServerConnection[] = [];
  let received = 0;
  const server = await serve({
    origins: "dangerously-allow-any-origin",
    pingIntervalMs: 0,
    maxBufferedBytes: 2 * TOTAL_BYTES,
    maxConnectionMemoryBytes: Infinity,
    open: (socket) => void sockets.push(socket),
    message: (_socket, data) => {
      received += data.length;
    },
  });
  t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
  await end.open(server.url);
  const socket = sockets[0]!;

  for (let i = 0; i < COUNT; i++) socket.send(CHUNK);
  await delay(A_WHILE_MS);
  assert.ok(socket.bufferedBytes > 0, "nobody reads, and yet all has left");
  assert.equal(await end.read(TOTAL_BYTES), TOTAL_BYTES);
  await until(() => socket.bufferedBytes === 0, "all has left once it is read");

  socket.pause();
  await end.startWriting(COUNT, CHUNK.length);
  await delay(A_WHILE_MS);
  assert.ok((await end.written()) < COUNT, "nobody reads, and yet all was written");
  socket.resume();
  await until(() => received === TOTAL_BYTES, "all arrives once it is read");
  for (let rounds = 0; (await end.written()) < COUNT; rounds++) {
    assert.ok(rounds < 1_000);
    await delay(5);
  }
  const closed = socket.closed;
  await end.close();
  assert.equal((await closed).wasClean, true);
}
