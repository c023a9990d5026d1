// All sockets of a process read into one buffer: what one connection received is its own. The rows are those of
// SECURITY.md.
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { createSecureContext, TLSSocket, connect as tlsOver } from "node:tls";
import { createServer, type ServeOptions, type ServerConnection, serve } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { Inbox } from "../support/inbox.js";
import {
  binaryFrame,
  maskedFrame,
  pingFrame,
  pongFrame,
  RawClient,
  requestHead,
  textFrame,
} from "../support/raw-client.js";
import { streamPair } from "../support/stream-pair.js";
import { rounds, until } from "../support/until.js";

const OTHER = "/other";
const filled = (byteLength: number, byte = "k"): Buffer => Buffer.alloc(byteLength, byte);

/** A server with one connection that a test is about, and another one that overwrites what is shared. */
async function beside(options: ServeOptions): Promise<{
  readonly client: RawClient;
  /** Once what came before has been read: has the server read other bytes, on the other connection. */
  overwrite(): Promise<void>;
  end(): Promise<void>;
}> {
  const server = await serve({ pingIntervalMs: 0, routes: { "/": options, [OTHER]: { message() {} } } });
  const client = await RawClient.open({ port: server.port });
  const other = await RawClient.open({ port: server.port, path: OTHER });
  return {
    client,
    async overwrite() {
      await rounds(10);
      other.send(binaryFrame(Buffer.alloc(60_000, 0xff)), pingFrame());
      await other.next();
    },
    async end() {
      await Promise.all([client.destroy(), other.destroy()]);
      await server.shutdown();
    },
  };
}

test("a message that the application keeps is not changed by what others send later", async () => {
  const kept: Buffer[] = [];
  const { client, overwrite, end } = await beside({ message: (_, data) => void kept.push(data as Buffer) });
  const sizes = [1, 100, 5_000, 33_000, 50_000];
  for (const [i, size] of sizes.entries()) {
    client.send(binaryFrame(filled(size)));
    await until(() => kept.length > i, "it is there");
    await overwrite();
  }
  for (const [i, size] of sizes.entries()) assert.ok(kept[i]?.equals(filled(size)), `${size} bytes`);
  await end();
});

test("what waits on a paused connection is not changed by what others send", async () => {
  const taken: string[] = [];
  const sockets: ServerConnection[] = [];
  const { client, overwrite, end } = await beside({
    open: (socket) => void sockets.push(socket),
    message(socket, data) {
      taken.push(String(data));
      if (taken.length === 1) socket.pause();
    },
  });
  const texts = Array.from({ length: 50 }, (_, i) => `message ${i}`);
  client.send(...texts.map(textFrame));
  await until(() => taken.length === 1, "the first is there");
  await overwrite();
  client.send(textFrame("the last"));
  await overwrite();
  sockets[0]?.resume();
  await until(() => taken.length === 51 || sockets[0]?.state !== "open", "all are there");
  assert.deepEqual(taken, [...texts, "the last"]);
  await end();
});

test("a message of which a part has come is not changed by what others send", async () => {
  const messages = new Inbox<Buffer>("message");
  const { client, overwrite, end } = await beside({ message: (_, data) => messages.push(data as Buffer) });
  client.send(maskedFrame(0x02, filled(1_000, "a")));
  await overwrite();
  client.send(maskedFrame(0x00, filled(300, "b")));
  await overwrite();
  client.send(maskedFrame(0x80, filled(10, "c")));
  assert.deepEqual(
    await messages.next(),
    Buffer.concat([filled(1_000, "a"), filled(300, "b"), filled(10, "c")]),
  );
  await end();
});

test("a header or a ping of which a part has come is not changed by what others send", async () => {
  const messages = new Inbox<Buffer>("message");
  const { client, overwrite, end } = await beside({ message: (_, data) => messages.push(data as Buffer) });
  const text = Array.from({ length: 120 }, (_, i) => String.fromCharCode(33 + (i % 90))).join("");
  const ping = pingFrame(text);
  for (const cut of [6, 10, 60]) {
    client.send(ping.subarray(0, cut));
    await overwrite();
    client.send(ping.subarray(cut));
    assert.equal(await client.nextText(), text);
  }
  const frame = binaryFrame(filled(200));
  for (const cut of [1, 3, 5, 7]) {
    client.send(frame.subarray(0, cut));
    await overwrite();
    client.send(frame.subarray(cut));
    assert.deepEqual(await messages.next(), filled(200));
  }
  await end();
});

test("a ping, a pong or a piece of a message that the application keeps is not changed later", async () => {
  const kept: Buffer[] = [];
  const keep = (_: unknown, bytes: Buffer): void => void kept.push(bytes);
  const { client, overwrite, end } = await beside({ messageChunk: keep, ping: keep, pong: keep });
  const frames = [
    pingFrame("k".repeat(100)),
    pongFrame(filled(100)),
    maskedFrame(0x02, filled(100)),
    maskedFrame(0x80, filled(40_000)),
  ];
  for (const [i, frame] of frames.entries()) {
    client.send(frame);
    await until(() => kept.length > i, "it is there");
    await overwrite();
  }
  for (const bytes of kept) assert.ok(bytes.equals(filled(bytes.length)));
  assert.equal(
    kept.reduce((sum, { length }) => sum + length, 0),
    40_300,
  );
  await end();
});

test("what comes by TLS over a stream of this process is not changed by an answer that comes at once", async () => {
  const { key, cert, ca } = testCertificate();
  const taken: string[] = [];
  const sockets: ServerConnection<unknown>[] = [];
  const server = createServer({
    pingIntervalMs: 0,
    message(socket, data) {
      if (socket !== sockets[0]) return;
      taken.push(String(data));
      // So much is written at once, and the other client answers at once: while the rest of this chunk is not read.
      if (data === "first") sockets[1]?.send(Buffer.alloc(200_000));
    },
  });
  const clients: TLSSocket[] = [];
  for (let i = 0; i < 2; i++) {
    const [here, there] = streamPair();
    const secureContext = createSecureContext({ key, cert });
    const stream = new TLSSocket(here, { isServer: true, secureContext });
    const client = tlsOver({ socket: there, ca, servername: "localhost" });
    await new Promise<void>((resolve) => client.once("secureConnect", resolve));
    const [, ...fields] = requestHead().trimEnd().split("\r\n");
    const rawHeaders = fields.flatMap((field) => field.split(": "));
    const incoming = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders, socket: {} };
    const request = incoming as unknown as IncomingMessage;
    sockets.push((await server.handleUpgrade(request, stream, Buffer.alloc(0)))!);
    clients.push(client);
  }
  clients[0]?.resume();
  clients[1]?.on("data", () => clients[1]?.write(textFrame("answer ".repeat(17))));
  await rounds(10);
  clients[0]?.write(Buffer.concat(["first", "second", "third"].map(textFrame)));
  await until(() => taken.length === 3 || sockets[0]?.state !== "open", "all are there");
  assert.deepEqual(taken, ["first", "second", "third"]);
  for (const client of clients) client.destroy();
  for (const socket of sockets) socket.terminate();
  await server.shutdown();
});
