// What a server may answer to a client. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type ConnectError, type ConnectOptions, connect, HandshakeError, UsageError } from "hawser/client";
import { accept, serve } from "hawser/server";
import { proxyFor } from "#node/client/http-proxy.js";
import { redirectTarget } from "#node/client/redirect.js";
import { targetOf } from "#node/client/target.js";
import { tlsForOtherOrigin } from "#node/client/tls-options.js";
import { requestHead } from "#protocol/handshake/client-handshake.js";
import { HeaderList } from "#protocol/handshake/header-list.js";
import { connectErrorOf } from "../client/connect-error.js";
import { headerOf, rawServer, switching } from "../client/raw-server.js";
import { RawClient } from "../support/raw-client.js";
import { warnings } from "../support/warnings.js";

async function errorFor(
  t: TestContext,
  answer: (socket: Socket, head: string) => void,
  options: ConnectOptions = {},
): Promise<ConnectError> {
  const { url } = await rawServer(t, answer);
  return connectErrorOf(connect(url, options));
}

/** The code of what was wrong with an answer. */
async function problemOf(t: TestContext, answer: (head: string) => string): Promise<string> {
  const { cause } = await errorFor(t, (socket, head) => void socket.write(answer(head)));
  assert.ok(cause instanceof HandshakeError, `a handshake that failed, not ${String(cause)}`);
  return cause.code;
}

test("an answer whose head does not end is given up at 16 KiB", async (t) => {
  // gun CVE-2026-43973
  const error = await errorFor(t, (socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\n");
    for (let i = 0; i < 90; i++) socket.write(`X-${i}: ${"x".repeat(1_000)}\r\n`);
    socket.end();
  });
  assert.ok(error.cause instanceof HandshakeError);
  assert.equal(error.cause.code, "HEAD_TOO_LARGE");
});

test("an answer of nothing but interim answers is given up", async (t) => {
  // gun CVE-2026-43973
  const error = await errorFor(t, (socket) => socket.end("HTTP/1.1 100 Continue\r\n\r\n".repeat(500)));
  assert.equal(error.status ?? (error.cause as HandshakeError).status, 100);
});

test("an answer that trickles is given up at the deadline", async (t) => {
  // gun CVE-2026-43973
  const answer = (socket: Socket): void => {
    let bytes = 0;
    socket.write("HTTP/1.1 101 Switching Protocols\r\nX: ");
    const timer = setInterval(() => {
      if (++bytes < 60) socket.write("x");
      else socket.end();
    }, 20);
    socket.on("close", () => clearInterval(timer));
  };
  assert.equal((await errorFor(t, answer, { handshakeTimeoutMs: 200 })).code, "HANDSHAKE_TIMEOUT");
});

test("an answer of another status than 101 opens nothing, however right the rest is", async (t) => {
  // Next CVE-2026-44578
  assert.equal(
    await problemOf(t, (h) => switching(h).replace("101 Switching Protocols", "200 OK")),
    "UNEXPECTED_STATUS",
  );
});

test("an answer without the right Upgrade opens nothing", async (t) => {
  // Next CVE-2026-44578
  assert.equal(
    await problemOf(t, (h) => switching(h).replace("Upgrade: websocket", "Upgrade: h2c")),
    "INVALID_UPGRADE",
  );
});

test("an answer without Connection: Upgrade opens nothing", async (t) => {
  // Next CVE-2026-44578
  assert.equal(
    await problemOf(t, (h) => switching(h).replace("Connection: Upgrade", "Connection: close")),
    "INVALID_CONNECTION",
  );
});

test("an answer without the right Sec-WebSocket-Accept opens nothing", async (t) => {
  // Next CVE-2026-44578
  const accepts = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
  assert.equal(
    await problemOf(t, (h) => switching(h).replace(/(Accept: ).*/, `$1${accepts}`)),
    "INVALID_ACCEPT",
  );
});

test("an answer with impossible window bits fails the handshake, and throws nothing later", async (t) => {
  // undici CVE-2026-2229
  for (const bits of ["7", "16", "200", "-1", "010", "0x9", "", "a"]) {
    const field = `Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=${bits}\r\n`;
    assert.equal(await problemOf(t, (h) => switching(h, field)), "INVALID_EXTENSIONS", bits);
  }
});

test("an offer with impossible window bits is declined, and the connection goes on without compression", async () => {
  // undici CVE-2026-2229, on the other side
  await using server = await serve({ compression: true });
  for (const bits of ["7", "16", "200", "010"]) {
    const offer = `permessage-deflate; client_max_window_bits=${bits}`;
    const client = await RawClient.open({
      port: server.port,
      headers: { "Sec-WebSocket-Extensions": offer },
    });
    assert.equal(client.status, 101);
    assert.equal(client.header("Sec-WebSocket-Extensions"), undefined, bits);
    await client.destroy();
  }
});

test("a redirect to another origin takes no credentials along", async (t) => {
  // ws, python websockets
  const away = await rawServer(t, (socket, head) => void socket.write(switching(head)));
  const home = await rawServer(t, (socket) => {
    socket.write(`HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:${away.port}/\r\nContent-Length: 0\r\n\r\n`);
  });
  const names = ["Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key"];
  const headers = Object.fromEntries(names.map((name) => [name, "secret"]));
  const socket = await connect(home.url, { maxRedirects: 1, headers });
  assert.equal(headerOf(home.requests[0] ?? "", "Authorization"), "secret");
  for (const name of names) assert.equal(headerOf(away.requests[0] ?? "", name), undefined, name);
  socket.terminate();
  await socket.closed;
});

test("a redirect to another origin takes no client certificate along", () => {
  // ws, python websockets
  const secrets = { cert: "c", key: "k", pfx: "p", passphrase: "s", servername: "home" };
  assert.deepEqual(tlsForOtherOrigin({ ...secrets, ca: "ca" }), { ca: "ca" });
});

test("a redirect never leads from wss: to ws:", () => {
  // ws, python websockets
  const headers = new HeaderList(["Location", "ws://a.example/"]);
  const head = { status: 302, reason: "Found", httpVersion: "1.1", headers } as const;
  assert.equal(typeof redirectTarget(head, targetOf("wss://a.example/", undefined)), "string");
  assert.equal(typeof redirectTarget(head, targetOf("ws://a.example/", undefined)), "object");
});

test("a redirect is not followed unasked", async (t) => {
  // ws, python websockets
  const away = await rawServer(t, (socket, head) => void socket.write(switching(head)));
  const answer = `HTTP/1.1 302 Found\r\nLocation: ${away.url}\r\nContent-Length: 0\r\n\r\n`;
  assert.equal((await errorFor(t, (socket) => void socket.write(answer))).code, "HANDSHAKE_FAILED");
  assert.equal(away.requests.length, 0);
});

test("a line end in an option of the client is an error, and no header", () => {
  // undici CVE-2026-1527
  const good = { target: "/", host: "a", key: "dGhlIHNhbXBsZSBub25jZQ==" };
  const evil = "x\r\nX-Injected: 1";
  for (const bad of [
    { headers: ["X-A", evil] },
    { headers: [evil, "a"] },
    { origin: evil },
    { protocols: [evil] },
    { extensions: evil },
    { host: evil },
    { target: `/${evil}` },
    // Written as latin1, U+010A would become a line end.
    { headers: ["X-A", "x\u010dX-Injected: 1"] },
  ]) {
    assert.throws(() => requestHead({ ...good, ...bad }), UsageError, JSON.stringify(bad));
  }
});

test("a line end in what a hook answers with is an error, and no header", async () => {
  // undici CVE-2026-1527, on the other side
  using _ = warnings();
  await using server = await serve({
    upgrade: () => accept(undefined, { headers: { "X-A": "x\r\nX-Injected: 1" } }),
  });
  const client = await RawClient.open({ port: server.port });
  await client.destroy();
  assert.equal(client.status, 500);
  assert.equal(client.header("X-Injected"), undefined);
});

test("a Proxy header of a request never becomes the proxy of a CGI program", () => {
  // "httpoxy", CVE-2016-5385
  const target = targetOf("ws://example.com/", undefined);
  const environment = { REQUEST_METHOD: "GET", HTTP_PROXY: "http://evil.example:1" };
  assert.equal(proxyFor(target, undefined, environment), undefined);
});
