import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { withTimeout } from "../support/with-timeout.js";
import type { Listening, MemoryReport, ServerKind } from "./idle-server.js";
import { openFileLimit } from "./open-file-limit.js";

/** How many idle connections are weighed. */
const CONNECTIONS = 10_000;
/** Those of ws that have compressed hold a quarter of a MiB each. */
const COMPRESSED_CONNECTIONS = 1_000;
/** Opened and closed before anything is weighed, so that code, caches and slabs are not counted. */
const WARM_UP_CONNECTIONS = 500;
/** How many handshakes are on their way at a time: less than the backlog of a listening socket. */
const BATCH = 200;
/** What neither process needs for connections: standard streams, the event loop, modules being read. */
const OTHER_FILES = 200;
const STEP_TIMEOUT_MS = 60_000;

/** A generous bound, to notice a mistake; the bar for the exact number is kept by the benchmarks. */
const MAX_IDLE_BYTES = 16 * 1024;
/** What may stay of a connection that is closed: what the allocator and the collector have not given back. */
const MAX_LEFT_BYTES = 1024;

describe("idle connections", () => {
  it("cost little more than their TCP sockets, and give it back", {
    timeout: 2 * STEP_TIMEOUT_MS,
  }, async (t) => {
    const count = possibleCount(t, CONNECTIONS);
    const floor = await weigh("net", count, handshake());
    const hawser = await weigh("hawser", count, handshake());
    const ws = await weigh("ws", count, handshake());
    print(t, `net, ${count} connections`, floor);
    print(t, `hawser, ${count} connections`, hawser, floor);
    print(t, `ws, ${count} connections`, ws, floor);
    assert.ok(hawser.each.rss < MAX_IDLE_BYTES, `${hawser.each.rss} bytes a connection`);
    assert.ok(hawser.each.heapUsed + hawser.each.external < MAX_IDLE_BYTES);
    assert.ok(hawser.left.heapUsed < MAX_LEFT_BYTES, `${hawser.left.heapUsed} bytes left of each connection`);
    assert.ok(hawser.left.external < MAX_LEFT_BYTES, `${hawser.left.external} bytes left of each connection`);
  });

  it("hold no more than a window after a compressed message", { timeout: 2 * STEP_TIMEOUT_MS }, async (t) => {
    const count = possibleCount(t, COMPRESSED_CONNECTIONS);
    const bytes = handshake("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
    const hawser = await weigh("hawser-deflate", count, bytes, compressedFrame());
    const ws = await weigh("ws-deflate", count, bytes, compressedFrame());
    print(t, `hawser, ${count} connections after a compressed echo`, hawser);
    print(t, `ws, ${count} connections after a compressed echo`, ws);
    assert.ok(hawser.each.rss < 2 * MAX_IDLE_BYTES, `${hawser.each.rss} bytes a connection`);
    assert.ok(hawser.left.heapUsed < MAX_LEFT_BYTES, `${hawser.left.heapUsed} bytes left of each connection`);
  });
});

type Memory = Omit<MemoryReport, "connections">;

/** Bytes a connection: while it is open, and after it was closed. */
interface Weight {
  readonly each: Memory;
  readonly left: Memory;
}

async function weigh(kind: ServerKind, count: number, head: Buffer, message?: Buffer): Promise<Weight> {
  const server = fork(fileURLToPath(new URL("idle-server.js", import.meta.url)), [kind], {
    execArgv: ["--expose-gc"],
  });
  try {
    const { port } = await answer<Listening>(server);
    await closeAll(await openAll(port, WARM_UP_CONNECTIONS, head, message));
    const before = await settled(server, 0);
    const sockets = await openAll(port, count, head, message);
    const open = await settled(server, count);
    await closeAll(sockets);
    const after = await settled(server, 0);
    return { each: perConnection(open, before, count), left: perConnection(after, before, count) };
  } finally {
    const exit = once(server, "exit");
    server.disconnect();
    await withTimeout(exit, STEP_TIMEOUT_MS, `the end of the ${kind} server`);
  }
}

/** A report from when the server knows of so many connections. */
async function settled(server: ChildProcess, connections: number): Promise<MemoryReport> {
  for (let attempt = 0; attempt < 100; attempt++) {
    server.send("report");
    const report = await answer<MemoryReport>(server);
    if (report.connections === connections) {
      // Once more: what was in flight when the last one came or went is gone by now.
      server.send("report");
      return answer<MemoryReport>(server);
    }
  }
  throw new Error(`the server never had ${connections} connections`);
}

async function answer<T>(server: ChildProcess): Promise<T> {
  const [message] = (await withTimeout(
    once(server, "message"),
    STEP_TIMEOUT_MS,
    "a message of the server",
  )) as [T];
  return message;
}

async function openAll(port: number, count: number, head: Buffer, message?: Buffer): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Math.min(BATCH, count - sockets.length);
    const opened = Array.from({ length: batch }, () => openOne(port, head, message));
    sockets.push(...(await withTimeout(Promise.all(opened), STEP_TIMEOUT_MS, `${batch} handshakes`)));
  }
  return sockets;
}

/** Done with the handshake, and with the echo of `message` if there is one. */
async function openOne(port: number, head: Buffer, message: Buffer | undefined): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(head);
  const [first] = (await once(socket, "data")) as [Buffer];
  assert.match(first.toString("latin1"), /^HTTP\/1.1 101 /);
  if (message !== undefined) {
    socket.write(message);
    await once(socket, "data");
  }
  return socket;
}

/** By a close frame (1000, masked with zeros), as a client closes. */
async function closeAll(sockets: readonly Socket[]): Promise<void> {
  const closed = sockets.map((socket) => {
    const close = once(socket, "close");
    socket.resume();
    socket.end(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
    return close;
  });
  await withTimeout(Promise.all(closed), STEP_TIMEOUT_MS, "the end of the connections");
}

function handshake(extra = ""): Buffer {
  return Buffer.from(
    "GET /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${extra}\r\n`,
  );
}

/** A text of 4 KiB that gets compressed on its way back, too. */
function compressedFrame(): Buffer {
  const text = JSON.stringify({ type: "message", text: "the quick brown fox jumps over it, ".repeat(117) });
  const deflated = deflateRawSync(text, { finishFlush: 2 }).subarray(0, -4);
  assert.ok(deflated.length <= 125);
  return Buffer.concat([Buffer.from([0xc1, 0x80 | deflated.length, 0, 0, 0, 0]), deflated]);
}

function perConnection(now: MemoryReport, before: MemoryReport, count: number): Memory {
  return {
    rss: Math.round((now.rss - before.rss) / count),
    heapUsed: Math.round((now.heapUsed - before.heapUsed) / count),
    external: Math.round((now.external - before.external) / count),
  };
}

function print(t: TestContext, title: string, { each, left }: Weight, floor?: Weight): void {
  const more = (name: keyof Memory): string =>
    floor === undefined
      ? ""
      : ` (net ${each[name] < floor.each[name] ? "" : "+"}${each[name] - floor.each[name]})`;
  const sizes = (["rss", "heapUsed", "external"] as const).map(
    (name) => `${name} ${each[name]}${more(name)}`,
  );
  t.diagnostic(
    `${title}: ${sizes.join(", ")} bytes each; left of each when closed: heapUsed ${left.heapUsed}`,
  );
}

/** Fewer where a process may not open so many files. */
function possibleCount(t: TestContext, wanted: number): number {
  const possible = openFileLimit() - OTHER_FILES;
  if (possible >= wanted) return wanted;
  t.diagnostic(`only ${possible} connections: a process may open ${openFileLimit()} files here (ulimit -n)`);
  return possible;
}
