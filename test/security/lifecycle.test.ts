// Sockets that fail, callbacks that throw, ends that come at a bad time: the process lives. The rows are those of
// SECURITY.md. An exception that nobody catches fails the test during which it happens.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { connect } from "hawser/client";
import { accept, attach, createServer, type ServeOptions, serve, type UpgradeAnswer } from "hawser/server";
import { tlsConnectOptions } from "#node/client/tls-options.js";
import { nodeHost } from "#node/node-host.js";
import { checkClose } from "#protocol/close-payload.js";
import { rawServer, switching } from "../client/raw-server.js";
import { testCertificate } from "../support/certificate.js";
import { connected } from "../support/connected.js";
import { Endpoint } from "../support/engine-pair.js";
import { closeFrameFor, readClose } from "../support/frames.js";
import { Inbox } from "../support/inbox.js";
import { RawClient, textFrame } from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";
import { warnings } from "../support/warnings.js";
import { withTimeout } from "../support/with-timeout.js";

/** Rejects as soon as something is thrown that nobody catches, so that a test need not wait for what cannot come. */
function uncaught(): Promise<never> {
  return new Promise((_, reject) => process.once("uncaughtExceptionMonitor", reject));
}

test("a socket that is reset while an async upgrade hook runs does not end the process", async () => {
  // crossws, hono, effect
  const asked = new Inbox<() => void>("call of the hook");
  const opened: unknown[] = [];
  const http = createHttp();
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = attach(http, {
    upgrade: () => new Promise<UpgradeAnswer<undefined>>((resolve) => asked.push(() => resolve(accept()))),
    open: (socket) => void opened.push(socket),
  });
  const streams = new Inbox<Duplex>("upgrade");
  http.on("upgrade", (_request, stream) => streams.push(stream));
  const client = await RawClient.dial({ port: (http.address() as AddressInfo).port });
  client.ask();
  const answer = await asked.next();
  const stream = await streams.next();
  client.socket.resetAndDestroy();
  // A reset is seen by who reads or writes; on a busy socket there is always somebody.
  stream.resume();
  await new Promise<void>((resolve) => stream.once("close", resolve));
  answer();
  await rounds(5);
  assert.deepEqual(opened, []);
  await server.shutdown();
  http.close();
});

test("a client that ends while the upgrade hook runs is not opened", async () => {
  // crossws, hono, effect
  const asked = new Inbox<() => void>("call of the hook");
  const streams = new Inbox<Duplex>("upgrade");
  let opened = 0;
  const server = createServer({
    upgrade: () => new Promise<UpgradeAnswer<undefined>>((resolve) => asked.push(() => resolve(accept()))),
    open: () => void opened++,
  });
  const http = createHttp((_request, response) => response.end());
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const upgrades: Promise<unknown>[] = [];
  http.on("upgrade", (request, stream, firstBytes) => {
    upgrades.push(server.handleUpgrade(request, stream, firstBytes));
    streams.push(stream);
  });
  const client = await RawClient.dial({ port: (http.address() as AddressInfo).port });
  client.ask();
  const answer = await asked.next();
  const stream = await streams.next();
  client.socket.end();
  stream.resume();
  await new Promise<void>((resolve) => stream.once("end", () => resolve()));
  answer();
  assert.deepEqual(await Promise.all(upgrades), [undefined]);
  assert.equal(opened, 0);
  await client.gone;
  await server.shutdown();
  http.close();
});

test("a client that has gone keeps no place, even if the upgrade hook never answers", async () => {
  // crossws, hono, effect
  const asked = new Inbox<void>("call of the hook");
  await using server = await serve({
    maxConnections: 1,
    upgrade(request) {
      if (request.path === "/now") return accept();
      asked.push();
      return new Promise<never>(() => {});
    },
  });
  const client = await RawClient.dial({ port: server.port });
  client.ask();
  await asked.next();
  client.socket.resetAndDestroy();
  await client.gone;
  await until(async () => {
    const next = await RawClient.open({ port: server.port, path: "/now" });
    await next.destroy();
    return next.status === 101;
  }, "its place is free");
});

test("a server that shuts down while the upgrade hook runs opens nothing", async () => {
  // crossws, hono, effect: the state is looked at again behind every `await`
  const asked = new Inbox<() => void>("call of the hook");
  const server = await serve({
    upgrade: () => new Promise<UpgradeAnswer<undefined>>((resolve) => asked.push(() => resolve(accept()))),
  });
  const client = await RawClient.dial({ port: server.port });
  client.ask();
  const answer = await asked.next();
  const shutdown = server.shutdown({ drainTimeoutMs: 500 });
  answer();
  await client.answered();
  assert.equal(client.status, 503);
  await shutdown;
});

test("an SNICallback, ALPNCallback or pskCallback that throws ends one TLS handshake and is told", async () => {
  // Node CVE-2026-21637
  using told = warnings();
  const { key, cert, ca } = testCertificate();
  const fail = (): never => {
    throw new Error("a callback failed");
  };
  const psk = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const;
  for (const [tls, more] of [
    [{ SNICallback: fail }, {}],
    [{ SNICallback: async () => fail() }, {}],
    [{ ALPNCallback: fail }, { ALPNProtocols: ["http/1.1"] }],
    [
      { pskCallback: fail, ...psk },
      { ...psk, pskCallback: () => ({ psk: Buffer.alloc(16), identity: "a" }) },
    ],
  ] as [ServeOptions["tls"], object][]) {
    await using server = await serve({ tls: { key, cert, ...tls } });
    const socket = connectTls({ port: server.port, host: "127.0.0.1", ca, servername: "localhost", ...more });
    socket.on("error", () => {});
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    assert.deepEqual(told.messages.splice(0), ["a callback failed"]);
  }
});

test("a checkServerIdentity that throws ends one handshake", () => {
  // Node CVE-2026-21637, on the other side
  const { checkServerIdentity } = tlsConnectOptions("localhost", {
    checkServerIdentity() {
      throw new Error("mine");
    },
  });
  assert.equal(checkServerIdentity?.("localhost", {} as never)?.message, "mine");
});

test("a handler that throws ends its connection with 1011, and no other", async () => {
  // engine.io CVE-2023-31125 and others: exceptions that a peer can cause
  const { client, server, errors, end } = await connected({
    message(_socket, data) {
      if (data === "throw") throw new Error("mine");
    },
  });
  const other = await RawClient.open({ port: server.port });
  client.send(textFrame("throw"));
  assert.equal((await Promise.race([errors.next(), uncaught()])).code, "HANDLER_ERROR");
  assert.equal((await client.finish()).code, 1011);
  await until(() => server.connections.size === 1, "the connection is gone");
  await other.destroy();
  await end();
});

test("a handler whose promise is rejected ends its connection with 1011, and not the process", async () => {
  // engine.io CVE-2023-31125 and others
  const { client, errors, end } = await connected({
    async message() {
      throw new Error("mine");
    },
  });
  client.send(textFrame("reject"));
  assert.equal((await Promise.race([errors.next(), uncaught()])).code, "HANDLER_ERROR");
  assert.equal((await client.finish()).code, 1011);
  await end();
});

test("a connection that is reset needs no error handler, on a server", async () => {
  // socket.io CVE-2024-38355
  await using server = await serve({});
  const client = await RawClient.open({ port: server.port });
  client.socket.resetAndDestroy();
  await until(() => server.connections.size === 0, "the connection is gone");
});

test("a connection that is reset needs no error handler, beside an HTTP server", async (t) => {
  // socket.io CVE-2024-38355; `serve` has no stream of Node where it can be avoided, `attach` always has
  const http = createHttp().listen(0, "127.0.0.1");
  t.after(() => void http.close());
  await once(http, "listening");
  await using server = attach(http, {});
  const client = await RawClient.open({ port: (http.address() as AddressInfo).port });
  client.socket.resetAndDestroy();
  await until(() => server.connections.size === 0, "the connection is gone");
});

test("a connection that is reset needs no error handler, on a client", async (t) => {
  // socket.io CVE-2024-38355
  const server = await rawServer(t, (socket, head) => void socket.write(switching(head)));
  const socket = await connect(server.url, { pingIntervalMs: 0 });
  for (const peer of server.sockets) peer.resetAndDestroy();
  const { code, error } = await socket.closed;
  assert.equal(code, 1006);
  assert.equal(error?.code, "TRANSPORT_ERROR");
});

test("a connection that has gone can be used: nothing throws, `send` says closed", async () => {
  const { socket, client, closes, end } = await connected();
  await client.destroy();
  await closes.next();
  assert.equal(socket.send("late"), "closed");
  assert.equal(await socket.ping(), undefined);
  assert.equal(await socket.ready(), false);
  socket.pong();
  socket.pause();
  socket.resume();
  socket.terminate();
  await socket.close(1000, "again");
  assert.equal(socket.startMessage().end("late"), "closed");
  await end();
});

test("close codes are those of RFC 6455 §7.4 and IANA: 1012-1014 and 3000-4999 are legal, the gaps are not", () => {
  // uWebSockets refuses 1012-3999
  for (const role of ["server", "client"] as const) {
    for (const code of [1000, 1003, 1007, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
      const endpoint = new Endpoint(role);
      endpoint.receive(closeFrameFor(role, code, "why"));
      assert.deepEqual(readClose(endpoint.takeFrames()[0]!.payload).code, code);
      assert.equal(endpoint.engine.transportClosed().code, code);
      checkClose(code, "", role, nodeHost);
    }
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
      const endpoint = new Endpoint(role);
      endpoint.receive(closeFrameFor(role, code));
      assert.equal(endpoint.engine.transportClosed().error?.code, "INVALID_CLOSE_CODE", String(code));
    }
  }
});

test("a shutdown stops accepting and tells every client", async () => {
  const { client, server, end } = await connected();
  const shutdown = server.shutdown({ code: 1012, reason: "restart", drainTimeoutMs: 1_000 });
  await assert.rejects(RawClient.dial({ port: server.port }), { code: "ECONNREFUSED" });
  const told = await Promise.race([client.finish(), shutdown]);
  assert.deepEqual(told, { code: 1012, reason: "restart" });
  await shutdown;
  await end();
});

test("a shutdown drops who does not answer, after the drain timeout", async () => {
  const { client, closes, server, end } = await connected({ closeTimeoutMs: 0 });
  await withTimeout(server.shutdown({ drainTimeoutMs: 100 }), 5_000, "the end of the shutdown");
  assert.equal((await closes.next()).code, 1006);
  await client.gone;
  await end();
});
