// What a handler is given is the application's to keep: wherever the bytes came from, nothing that comes later changes them.
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { after, describe, it } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { type ClientConnection, connect } from "hawser/client";
import { createServer, type ServeOptions, type ServerConnection, serve } from "hawser/server";
import { WebSocketServer } from "hawser/ws";
import { leakCheck } from "../support/leak-check.js";
import { requestHead } from "../support/raw-client.js";
import { streamPair } from "../support/stream-pair.js";
import { rounds, until } from "../support/until.js";

/** Around what the buffer of a kept stream holds, half of it, and what is read at once. */
const SIZES = [
  1, 100, 5_000, 31_000, 32_768, 33_000, 40_000, 40_000, 40_000, 65_535, 65_536, 70_000, 200_000,
];

function content(message: number): Buffer {
  const bytes = Buffer.alloc(SIZES[message]!);
  for (let i = 0; i < bytes.length; i++) bytes[i] = message * 31 + (i >> 6);
  return bytes;
}

function assertKept(kept: readonly Buffer[]): void {
  for (const [i, bytes] of kept.entries())
    assert.ok(bytes.equals(content(i)), `message ${i}, ${SIZES[i]} bytes`);
}

/** Sends them one after the other, each when the one before is there. */
async function sendAll(
  from: { send(data: Buffer, options: { compress: boolean }): unknown },
  kept: readonly Buffer[],
  compress: boolean,
): Promise<void> {
  for (let i = 0; i < SIZES.length; i++) {
    from.send(content(i), { compress });
    await until(() => kept.length > i, "it is there");
  }
}

async function pair(
  options: ServeOptions,
  onMessage: (data: Buffer) => void,
): Promise<{ server: { shutdown(): Promise<void> }; socket: ServerConnection; client: ClientConnection }> {
  const sockets: ServerConnection[] = [];
  const server = await serve({ compression: true, ...options, open: (socket) => void sockets.push(socket) });
  const client = await connect(server.url, { message: (_, data) => onMessage(data as Buffer) });
  await until(() => sockets.length === 1, "it is open");
  return { server, socket: sockets[0]!, client };
}

describe("a message that is kept", () => {
  after(leakCheck());

  for (const compress of [true, false]) {
    const how = compress ? "compressed" : "not compressed";

    it(`is not changed by the next ones, ${how}, at a server`, async () => {
      const kept: Buffer[] = [];
      const { server, client } = await pair(
        { message: (_, data) => void kept.push(data as Buffer) },
        () => {},
      );
      await sendAll(client, kept, compress);
      assertKept(kept);
      await client.close();
      await server.shutdown();
    });

    it(`is not changed by the next ones, ${how}, at a client`, async () => {
      const kept: Buffer[] = [];
      const { server, socket, client } = await pair({ message() {} }, (data) => kept.push(data));
      await sendAll(socket, kept, compress);
      assertKept(kept);
      await client.close();
      await server.shutdown();
    });

    it(`is not changed by the next ones, ${how}, where messages are taken`, async () => {
      const kept: Buffer[] = [];
      const sockets: ServerConnection[] = [];
      const server = await serve({
        compression: true,
        async open(socket) {
          sockets.push(socket);
          for await (const data of socket) kept.push(data as Buffer);
        },
      });
      const client = await connect(server.url, { message() {} });
      await sendAll(client, kept, compress);
      assertKept(kept);
      await client.close();
      await server.shutdown();
    });

    it(`is not changed by the next ones, ${how}, where text is taken as bytes, or in pieces`, async () => {
      for (const isInPieces of [false, true]) {
        const kept: Buffer[] = [];
        let pieces: Buffer[] = [];
        const options: ServeOptions = isInPieces
          ? {
              messageChunk(_socket, chunk, _isBinary, isLast) {
                pieces.push(chunk);
                if (!isLast) return;
                kept.push(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
                pieces = [];
              },
            }
          : { textAs: "buffer", message: (_, data) => void kept.push(data as Buffer) };
        const { server, client } = await pair(options, () => {});
        for (let i = 0; i < SIZES.length; i++) {
          client.send(String.fromCharCode(97 + i).repeat(SIZES[i]!), { compress });
          await until(() => kept.length > i, "it is there");
        }
        for (const [i, bytes] of kept.entries()) {
          assert.equal(bytes.length, SIZES[i]);
          assert.ok(
            bytes.every((byte) => byte === 97 + i),
            `message ${i}`,
          );
        }
        await client.close();
        await server.shutdown();
      }
    });
  }

  it("is not changed by the next ones at a server of hawser/ws", async () => {
    const kept: Buffer[] = [];
    const server = new WebSocketServer({ port: 0, perMessageDeflate: true });
    await new Promise((resolve) => server.once("listening", resolve));
    server.on("connection", (socket) => socket.on("message", (data) => kept.push(data as Buffer)));
    const { port } = server.address() as { port: number };
    const client = await connect(`ws://127.0.0.1:${port}`, { message() {} });
    await sendAll(client, kept, true);
    assertKept(kept);
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it("is there when another one was transferred to a worker", async () => {
    const kept: Buffer[] = [];
    const { port1, port2 } = new MessageChannel();
    const transfers = [
      (data: Buffer) => port1.postMessage(data, [data.buffer as ArrayBuffer]),
      (data: Buffer) => structuredClone(data, { transfer: [data.buffer as ArrayBuffer] }),
    ];
    const server = await serve({
      message(_socket, data) {
        const transfer = transfers[Number((data as Buffer)[0]) - 10];
        if (transfer === undefined) kept.push(data as Buffer);
        try {
          transfer?.(data as Buffer);
        } catch {
          // Newer versions of Node refuse, older ones send a copy.
        }
      },
    });
    const clients = await Promise.all([1, 2].map(() => connect(server.url, { message() {} })));
    for (let i = 0; i < transfers.length; i++) {
      for (const [at, first] of [1, 10 + i, 2].entries()) {
        clients[at % 2]!.send(Buffer.alloc(50, first));
        await clients[at % 2]!.ping();
      }
    }
    assert.deepEqual(
      kept,
      [1, 2, 1, 2].map((byte) => Buffer.alloc(50, byte)),
    );
    for (const client of clients) assert.equal(client.state, "open");
    port1.close();
    port2.close();
    for (const client of clients) await client.close();
    await server.shutdown();
  });

  it("shares no memory with that of another receiver, where both are in this process", async () => {
    const kept: Buffer[] = [];
    const server = createServer({ pingIntervalMs: 0, message() {} });
    const clients: ClientConnection[] = [];
    for (let i = 0; i < 2; i++) {
      const [here, there] = streamPair();
      const connecting = connect("ws://a.example/", {
        compression: false,
        createConnection: () => there,
        message: (_, data) => void kept.push(data as Buffer),
      });
      const key = /sec-websocket-key: (.*)\r\n/i.exec(String(await nextData(here)))![1]!;
      const rawHeaders = requestHead()
        .trimEnd()
        .split("\r\n")
        .slice(1)
        .flatMap((field) => field.split(": "));
      rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === "sec-websocket-key") + 1] = key;
      const incoming = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders, socket: {} };
      await server.handleUpgrade(incoming as unknown as IncomingMessage, here, Buffer.alloc(0));
      clients.push(await connecting);
    }
    server.broadcast(Buffer.alloc(10_000, 1));
    await until(() => kept.length === 2, "both are there");
    kept[0]!.fill(2);
    assert.ok(kept[1]!.every((byte) => byte === 1));
    for (const client of clients) client.terminate();
    await rounds(3);
    await server.shutdown();
  });
});

async function nextData(stream: Duplex): Promise<unknown> {
  const data = await new Promise((resolve) => stream.once("data", resolve));
  stream.pause();
  return data;
}
