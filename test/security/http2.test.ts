// WebSocket over HTTP/2 (RFC 8441): what a peer can do that it cannot do over HTTP/1.1. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";
import { accept, type ServerConnection, serve } from "hawser/server";
import { Http2Client } from "../support/http2-client.js";
import { maskedFrame, textFrame } from "../support/raw-client.js";
import { until } from "../support/until.js";

const echo = (socket: ServerConnection, data: string | Buffer): void => void socket.send(data);
/** More than a session may give up, and fewer than Node itself would end it for. */
const RESETS = 300;

test("rapid reset: a session that resets its streams before they are answered is ended", async () => {
  let hooks = 0;
  await using server = await serve({
    http2: true,
    upgrade: () => {
      hooks++;
      return new Promise<never>(() => {});
    },
  });
  const client = await Http2Client.connect(server.port);
  for (let i = 0; i < RESETS && !client.session.destroyed; i++) {
    const before = hooks;
    const socket = client.ask();
    await until(() => hooks > before || client.session.destroyed, "the hook is asked");
    if (!client.session.destroyed) await socket.reset();
  }
  await until(() => client.session.destroyed, "the session is ended");
  assert.deepEqual(client.goaways, [11]); // ENHANCE_YOUR_CALM
  assert.ok(hooks < RESETS, `${hooks} hooks were asked`);
});

test("the streams of a session count for its address, with 429", async () => {
  await using server = await serve({ http2: true, maxConnectionsPerAddress: 2 });
  const client = await Http2Client.connect(server.port);
  const sockets = [await client.open(), await client.open(), await client.open()];
  assert.deepEqual(
    sockets.map(({ status }) => status),
    [200, 200, 429],
  );
  await client.destroy();
});

test("the streams of a session count in total, with 503", async () => {
  await using server = await serve({ http2: true, maxConnections: 1 });
  const client = await Http2Client.connect(server.port);
  assert.deepEqual([(await client.open()).status, (await client.open()).status], [200, 503]);
  await client.destroy();
});

test("the sessions of an address are limited, with streams or without", async () => {
  await using server = await serve({ http2: true, maxConnectionsPerAddress: 1 });
  const client = await Http2Client.connect(server.port);
  await assert.rejects(Http2Client.connect(server.port));
  assert.equal((await client.open()).status, 200);
  await client.destroy();
});

test("an extended CONNECT with another :protocol is refused with 501", async () => {
  await using server = await serve({ http2: true, upgrade: () => accept() });
  const client = await Http2Client.connect(server.port);
  for (const protocol of ["connect-udp", "connect-ip", "websocket2"]) {
    assert.equal((await client.open({ ":protocol": protocol })).status, 501);
  }
  assert.equal(server.connections.size, 0);
  await client.destroy();
});

test("an :authority and a Host that differ are refused: one of them is what a policy looks at", async () => {
  await using server = await serve({ http2: true });
  const client = await Http2Client.connect(server.port);
  const headers = { ":authority": "good.example", host: "evil.example", origin: "https://good.example" };
  const socket = client.ask(headers);
  // Node 26 does not even send it.
  socket.stream.on("error", () => {});
  await socket.answered();
  assert.notEqual(socket.status, 200);
  assert.equal(server.connections.size, 0);
  await client.destroy();
});

test("a session that opens no stream is dropped when the time for a handshake is over", async () => {
  await using server = await serve({ http2: true, handshakeTimeoutMs: 100 });
  const socket = connectTcp(server.port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings]));
  // The head of a stream that does not end: HEADERS without END_HEADERS.
  socket.write(Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]));
  await once(socket, "close", { signal: AbortSignal.timeout(5_000) });
});

test("a stream whose hook does not answer in time is reset, and its session goes on", async () => {
  await using server = await serve({
    http2: true,
    handshakeTimeoutMs: 1_000,
    upgrade: (request) => (request.path === "/slow" ? new Promise<never>(() => {}) : accept()),
    message: echo,
  });
  const client = await Http2Client.connect(server.port);
  const open = await client.open();
  const slow = client.ask({ ":path": "/slow" });
  assert.equal(await Promise.race([slow.gone, once(AbortSignal.timeout(5_000), "abort")]), 8);
  open.send(textFrame("still here"));
  assert.equal(await open.nextText(), "still here");
  await client.destroy();
});

test("a refused stream, or one that breaks a rule, does not hurt its siblings", async () => {
  await using server = await serve({
    http2: true,
    routes: { "/": { message: echo, error() {} } },
    refused() {},
  });
  const client = await Http2Client.connect(server.port);
  const [open, broken] = [await client.open(), await client.open()];
  for (let i = 0; i < 20; i++) assert.equal((await client.open({ ":path": "/nowhere" })).status, 404);
  broken.send(maskedFrame(0x83, Buffer.alloc(0)));
  assert.equal(await broken.nextCloseCode(), 1002);
  open.send(textFrame("still here"));
  assert.equal(await open.nextText(), "still here");
  await client.destroy();
});

test("a peer that gives no window holds no more than maxBufferedBytes, and loses its stream alone", async () => {
  const opened: ServerConnection[] = [];
  await using server = await serve({
    http2: true,
    maxBufferedBytes: 100_000,
    open: (socket) => void opened.push(socket),
    message: echo,
    error() {},
  });
  const client = await Http2Client.connect(server.port, { settings: { initialWindowSize: 0 } });
  const [greedy, sibling] = [await client.open(), await client.open()];
  const [socket] = opened;
  let most = 0;
  for (let i = 0; i < 50; i++) {
    socket!.send(Buffer.alloc(10_000));
    most = Math.max(most, socket!.bufferedBytes);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(most <= 110_000, `${most} bytes were held`);
  assert.equal(await Promise.race([greedy.gone, once(AbortSignal.timeout(5_000), "abort")]), 8);
  assert.equal(sibling.stream.destroyed, false);
  await client.destroy();
});

test("a head larger than maxHeaderBytes, or with too many fields, is no handshake", async () => {
  await using server = await serve({ http2: true, maxHeaders: 10, maxHeaderBytes: 4_096 });
  const client = await Http2Client.connect(server.port);
  const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`x-${i}`, "1"]));
  assert.notEqual((await client.open(many)).status, 200);
  assert.notEqual((await client.open({ "x-large": "a".repeat(8_000) })).status, 200);
  assert.equal(server.connections.size, 0);
  assert.equal((await client.open()).status, 200);
  await client.destroy();
});
