import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { after, describe, it } from "node:test";
import { createServer, type Server, type ServerConnection, serve } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { connected, fill } from "../support/connected.js";
import { leakCheck } from "../support/leak-check.js";
import { binaryFrame, RawClient, requestHead, textFrame } from "../support/raw-client.js";
import { rounds } from "../support/until.js";

const CONNECTIONS = 12;
const ROUNDS = 25;
const MAX_BYTES = 200 * 1024;

/** A small generator of random numbers (mulberry32), so that a failure can be had again from its seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Mostly small, sometimes around the sizes at which the output buffer goes another way, sometimes large. */
function sizeOf(below: (limit: number) => number): number {
  const edges = [125, 126, 16_384, 32_768, 65_535, 65_536, 131_072];
  switch (below(8)) {
    case 0:
      return below(MAX_BYTES);
    case 1:
      return Math.max(0, edges[below(edges.length)]! + below(21) - 10);
    case 2:
      return below(20_000);
    default:
      return below(300);
  }
}

/** Bytes in which a shift by one, or a piece of another message, shows. */
function content(connection: number, message: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = connection * 31 + message * 7 + i + (i >> 8);
  return bytes;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}

/** A connection over a stream that is no socket. */
async function opened(server: Server, stream: Duplex): Promise<ServerConnection> {
  const [, ...fields] = requestHead().trimEnd().split("\r\n");
  const rawHeaders = fields.flatMap((field) => field.split(": "));
  const incoming = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders, socket: {} };
  const socket = await server.handleUpgrade(incoming as unknown as IncomingMessage, stream, Buffer.alloc(0));
  assert.ok(socket);
  return socket as ServerConnection;
}

describe("what waits to be sent", () => {
  after(leakCheck());

  it("is not overwritten by what is sent to others meanwhile", async () => {
    const { server, socket, client, end } = await connected({}, { paused: true });
    const other = await RawClient.open({ port: server.port });
    const [, otherSocket] = server.connections;
    const filling = await fill(socket);
    const MESSAGES = 500;
    for (let message = 0; message < MESSAGES; message++) {
      socket.send(content(1, message, message % 400));
      if (message % 3 === 0) await rounds(1);
      otherSocket!.send(content(2, message, (message * 7) % 400));
      if (message % 2 === 0) await rounds(1);
    }
    assert.ok(socket.bufferedBytes > 50_000);
    client.socket.resume();
    for (let i = 0; i < filling; i++) await client.next();
    for (let message = 0; message < MESSAGES; message++) {
      const { payload } = await client.next();
      assert.ok(payload.equals(content(1, message, message % 400)), `message ${message}`);
      const otherFrame = await other.next();
      assert.ok(otherFrame.payload.equals(content(2, message, (message * 7) % 400)), `message ${message}`);
    }
    await other.destroy();
    await end();
  });

  it("is not overwritten where a stream keeps what it is given, though it says that it is done", async () => {
    const kept: Buffer[] = [];
    const copies: Buffer[] = [];
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        kept.push(chunk);
        copies.push(Buffer.from(chunk));
        done();
      },
    });
    const server = createServer({});
    const socket = await opened(server, stream);
    for (let message = 0; message < 50; message++) {
      socket.send(content(3, message, 100));
      await rounds(1);
    }
    assert.ok(kept.length > 50);
    assert.deepEqual(kept, copies);
    stream.destroy();
    await server.shutdown();
  });
});

describe("what a stream that is no socket brings in the middle of a write", () => {
  after(leakCheck());

  for (const isHeld of [false, true]) {
    it(`comes behind what is being handled${isHeld ? ", after a pause" : ""}`, async () => {
      const stream: Duplex = new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, done) {
          done();
          if (chunk.length > 100_000) stream.push(Buffer.concat(["c", "d"].map(textFrame)));
        },
      });
      const seen: string[] = [];
      const server = createServer({
        pingIntervalMs: 0,
        message(socket, data) {
          seen.push(String(data));
          if (data === "a") socket.send(Buffer.alloc(200_000)); // leaves at once, and not at the end of the turn
        },
      });
      const socket = await opened(server, stream);
      if (isHeld) socket.pause();
      await rounds(2);
      stream.push(Buffer.concat(["a", "b"].map(textFrame)));
      await rounds(2);
      socket.resume();
      await rounds(2);
      assert.deepEqual(seen, ["a", "b", "c", "d"]);
      stream.destroy();
      await server.shutdown();
    });
  }
});

describe("streams that answer in the middle of a write", () => {
  it("get what their own connections sent, although outputs are used again", async () => {
    const server = createServer({
      pingIntervalMs: 0,
      message(socket, data) {
        const [name, left = 0] = JSON.parse(String(data)) as [string, number?];
        for (const other of server.connections) if (other !== socket && left > 2) other.send("between");
        socket.send(JSON.stringify([name, left]));
        if (left % 3 === 0) socket.send(Buffer.alloc(140_000)); // does not wait for the end of the turn
      },
    });
    const names = ["a", "b", "c", "d"];
    const got = new Map<string, unknown[]>();
    const streams: Duplex[] = [];
    for (const name of names) {
      const answers: unknown[] = [];
      got.set(name, answers);
      const stream = new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, done) {
          done();
          for (const found of chunk.toString("latin1").matchAll(/\["([a-d])",(\d+)\]/g)) {
            const [, whose, left] = found;
            answers.push(whose);
            if (Number(left) > 0) stream.push(textFrame(JSON.stringify([name, Number(left) - 1])));
          }
        },
      });
      streams.push(stream);
      await opened(server, stream);
    }
    for (let round = 0; round < 20; round++) {
      for (const [at, stream] of streams.entries()) stream.push(textFrame(JSON.stringify([names[at], 8])));
      await rounds(3);
    }
    for (const name of names) assert.deepEqual(got.get(name), Array(20 * 9).fill(name));
    for (const stream of streams) stream.destroy();
    await server.shutdown();
  });
});

describe("what many connections send at once", () => {
  after(leakCheck());

  for (const isSecure of [false, true]) {
    it(`arrives whole and in order ${isSecure ? "over TLS" : "over TCP"}, whatever shares a buffer`, async () => {
      const seed = Date.now() & 0x7fff_ffff;
      const below = random(seed);
      const { key, cert, ca } = testCertificate();
      const server = await serve({
        ...(isSecure && { tls: { key, cert } }),
        maxBufferedBytes: 2 ** 30,
        message: (socket, data) => void socket.send(data),
      });
      const clients: RawClient[] = [];
      for (let i = 0; i < CONNECTIONS; i++) {
        clients.push(await RawClient.open({ port: server.port, ...(isSecure && { ca }) }));
      }
      const sockets = [...server.connections];
      const expected: string[][] = clients.map(() => []);
      for (let round = 0; round < ROUNDS; round++) {
        for (const client of clients) client.socket[below(3) === 0 ? "pause" : "resume"]();
        const count = below(60);
        for (let i = 0; i < count; i++) {
          const at = below(CONNECTIONS);
          const bytes = content(at, expected[at]!.length, sizeOf(below));
          if (below(8) === 0) {
            // Mostly several in a row, as a list that many have in common.
            for (let more = below(6); more >= 0; more--) {
              const shared = content(round, more, below(4) === 0 ? sizeOf(below) : below(300));
              server.broadcast(shared, { except: sockets[at] });
              for (const [other, list] of expected.entries()) if (other !== at) list.push(digest(shared));
            }
            continue;
          }
          expected[at]!.push(digest(bytes));
          if (below(5) === 0) {
            const writer = sockets[at]!.startMessage();
            const cut = below(bytes.length + 1);
            writer.write(bytes.subarray(0, cut));
            writer.end(bytes.subarray(cut));
          } else {
            sockets[at]!.send(bytes);
          }
        }
        await rounds(below(4));
      }
      for (const client of clients) client.socket.resume();
      for (const [at, digests] of expected.entries()) {
        for (const [message, wanted] of digests.entries()) {
          const parts: Buffer[] = [];
          let isLast = false;
          while (!isLast) {
            const frame = await clients[at]!.next();
            parts.push(frame.payload);
            isLast = frame.fin;
          }
          assert.equal(
            digest(Buffer.concat(parts)),
            wanted,
            `seed ${seed}: message ${message} of connection ${at}`,
          );
        }
      }
      // And there and back, in chunks that cut frames anywhere.
      await Promise.all(
        clients.map(async (client, at) => {
          for (let message = 0; message < 20; message++) {
            const bytes = content(at, message, sizeOf(below));
            const frame = binaryFrame(bytes);
            const cut = below(frame.length);
            client.send(frame.subarray(0, cut));
            if (below(2) === 0) await rounds(1);
            client.send(frame.subarray(cut));
            const { payload } = await client.next();
            assert.equal(digest(payload), digest(bytes), `seed ${seed}: echo ${message} of connection ${at}`);
          }
        }),
      );
      await Promise.all(clients.map((client) => client.destroy()));
      await server.shutdown();
    });
  }
});
