// What a client may ask of a server: the opening handshake, seen from the server. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { attach, type ServeOptions, serve } from "hawser/server";
import { FirstRequest } from "#node/server/first-request.js";
import { DEFAULT_SERVER_LIMITS } from "#node/server/server-options.js";
import { parseExtensions } from "#protocol/extensions/extension-grammar.js";
import { HeadParser } from "#protocol/handshake/head-parser.js";
import { listsInclude } from "#protocol/handshake/http-token.js";
import { Inbox } from "../support/inbox.js";
import { RawClient, type RawClientOptions, requestHead } from "../support/raw-client.js";
import { rounds } from "../support/until.js";

/** The status that a server answers a request with. */
async function statusFor(request: RawClientOptions, options: ServeOptions = {}): Promise<number> {
  await using server = await serve(options);
  const client = await RawClient.open({ port: server.port, ...request });
  await client.destroy();
  return client.status;
}

/** How much time of the processor `call` takes, in ms: what else the machine does is not counted. */
function timeOf(call: () => unknown): number {
  const before = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** What one pass takes is some ms; what is quadratic takes many times this. */
const LONG_MS = 150;

test("names of Object.prototype in Sec-WebSocket-Extensions are names like any others", async () => {
  // ws GHSA-5v72-xg48-5rpm
  const extensions = "constructor; toString=1, __proto__; __proto__, hasOwnProperty, permessage-deflate";
  await using server = await serve({ compression: true });
  const headers = { "Sec-WebSocket-Extensions": extensions };
  const client = await RawClient.open({ port: server.port, headers });
  assert.equal(client.status, 101);
  assert.equal(client.header("Sec-WebSocket-Extensions"), "permessage-deflate");
  await client.destroy();
});

test("names of Object.prototype are no paths", async () => {
  // ws GHSA-5v72-xg48-5rpm
  const options = { routes: { "/chat": {} } };
  for (const path of ["/constructor", "/__proto__", "/toString"]) {
    assert.equal(await statusFor({ path }, options), 404);
  }
});

test("a header called `__proto__` is a header like any other", async () => {
  // Node CVE-2026-21710
  const seen: (string | undefined)[] = [];
  const options: ServeOptions = { open: (socket) => void seen.push(socket.request.headers.get("__proto__")) };
  const fields = Object.fromEntries([["__proto__", "a"]]);
  assert.equal(await statusFor({ headers: { ...fields, ["X-A"]: "1" } }, options), 101);
  const http = createHttp();
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = attach(http, options);
  const client = await RawClient.dial({ port: (http.address() as AddressInfo).port });
  client.socket.write(requestHead().replace("\r\n\r\n", "\r\n__proto__: b\r\n\r\n"));
  await client.answered();
  assert.equal(client.status, 101);
  assert.equal(seen.at(-1), "b");
  await client.destroy();
  await server.shutdown();
  http.close();
});

test("a header value full of blanks is read once, and not again for each blank", () => {
  // ws CVE-2021-32640: quadratic trimming
  const head = `GET / HTTP/1.1\r\nHost: a\r\nX: x${" ".repeat(16_000)}x\r\n\r\n`;
  const parser = new HeadParser("request", { maxHeadBytes: 100_000 });
  assert.ok(timeOf(() => assert.equal(parser.push(Buffer.from(head))?.ok, true)) < LONG_MS);
  const list = `x${" ".repeat(16_000)}x,`;
  assert.ok(timeOf(() => listsInclude([list], "websocket")) < LONG_MS);
});

test("a hostile list of extensions is read once, and has at most 32 elements of 16 parameters", () => {
  // faye CVE-2020-7662: exponential backtracking over a string that is never closed
  for (const text of [
    `a; b="${"\\\\c".repeat(50_000)}`,
    `a;${" ".repeat(50_000)}=`,
    "a;a=b".repeat(20_000),
  ]) {
    assert.ok(timeOf(() => assert.equal(parseExtensions(text), undefined)) < LONG_MS);
  }
  assert.equal(parseExtensions("a,".repeat(32))?.length, 32);
  assert.equal(parseExtensions("a,".repeat(33)), undefined);
  assert.equal(parseExtensions(`a${";b".repeat(17)}`), undefined);
});

test("a head that comes byte by byte is not read again from its beginning", () => {
  // tungstenite CVE-2023-43669
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nX: ${"x".repeat(15_000)}\r\n\r\n`);
  const parser = new HeadParser("request", { maxHeadBytes: 100_000 });
  const result = timeOf(() => {
    for (const byte of bytes) parser.push(Uint8Array.of(byte));
  });
  assert.ok(result < LONG_MS, `${result} ms`);
  assert.equal(parser.push(Buffer.alloc(0))?.ok, true);
});

test("headers beyond those that Node keeps are absent, and absent is refused, not read", async () => {
  // ws CVE-2024-37890: with `Upgrade` left out by Node, `headers.upgrade.toLowerCase()` ended the process.
  // Which fields Node leaves out depends on its version: here those behind `Host`.
  const http = createHttp();
  http.on("upgrade", (request) => request.rawHeaders.splice(2));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = attach(http, {});
  const client = await RawClient.open({ port: (http.address() as AddressInfo).port, path: "/chat" });
  http.close();
  await client.gone;
  await server.shutdown();
  assert.equal(client.status, 426);
});

test("a request with too many header fields or bytes is refused with 431", async () => {
  // tungstenite CVE-2023-43669, ws CVE-2024-37890
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`X-${i}`, "1"]));
  assert.equal(await statusFor({ headers: many }), 431);
  assert.equal(await statusFor({ headers: { "X-Large": "x".repeat(20_000) } }), 431);
});

test("a head that does not end is dropped at the deadline of the handshake", async () => {
  // tungstenite CVE-2023-43669, and "a handshake deadline"
  await using server = await serve({ handshakeTimeoutMs: 100 });
  const client = await RawClient.dial({ port: server.port });
  const trickle = setInterval(() => client.socket.write("a"), 20);
  client.socket.write("GET / HTTP/1.1\r\nX: ");
  const isGone = await Promise.race([client.gone.then(() => true), delay(5_000, false, { ref: false })]);
  clearInterval(trickle);
  await client.destroy();
  assert.ok(isGone);
});

test("a head that comes byte by byte costs its bytes, and not a piece of memory for each", async () => {
  // tungstenite CVE-2023-43669; ws CVE-2026-48779: the objects cost far more than the bytes that are counted.
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const socket = new Socket();
  const limits = { ...DEFAULT_SERVER_LIMITS, handshakeTimeoutMs: 0 };
  const request = new FirstRequest(socket, "", limits, { onHead: assert.fail, onGone() {} });
  const text = `GET / HTTP/1.1\r\nX: ${"x".repeat(200)}`;
  const chunks = Array.from(text, (letter) => {
    const chunk = Buffer.from(new Uint8Array([letter.charCodeAt(0)]).buffer);
    request.onData(chunk);
    return new WeakRef(chunk.buffer);
  });
  await rounds(2);
  collect();
  assert.ok(chunks.filter((chunk) => chunk.deref() !== undefined).length <= 1);
  assert.equal(request.bytes.toString(), text);
  socket.destroy();
});

test("a head that does not end is dropped at the deadline where it is for HTTP, too", async () => {
  // Node looks for them every 30 s, whatever `headersTimeout` says.
  await using server = await serve({ handshakeTimeoutMs: 200 });
  const client = await RawClient.dial({ port: server.port });
  const trickle = setInterval(() => client.socket.write("a"), 20);
  client.socket.write("POST / HTTP/1.1\r\nX: ");
  const isGone = await Promise.race([client.gone.then(() => true), delay(5_000, false, { ref: false })]);
  clearInterval(trickle);
  await client.destroy();
  assert.ok(isGone);
});

test("a target in absolute form is refused, whatever its Host says", async () => {
  // Next CVE-2026-44578
  for (const path of ["http://127.0.0.1/", "http://internal/admin", "//internal", "*", "internal:443"]) {
    assert.equal(await statusFor({ path }), path === "//internal" ? 101 : 400, path);
  }
});

test("a handshake with a body is refused", async () => {
  // Next CVE-2026-44578: what one side takes for a body, the other takes for frames or for a request.
  for (const headers of [{ "Content-Length": "5" }, { "Transfer-Encoding": "chunked" }]) {
    assert.equal(await statusFor({ headers: headers as Record<string, string> }), 400);
  }
});

test("what is sent behind a refused handshake is never read as a request", async () => {
  // Next CVE-2026-44578
  let requests = 0;
  const refusals = new Inbox<unknown>("refusal");
  await using server = await serve({
    routes: { "/chat": {} },
    refused: (error) => refusals.push(error),
    request(_request, response) {
      requests++;
      response.end();
    },
  });
  const smuggled = Buffer.from("GET /admin HTTP/1.1\r\nHost: internal\r\n\r\n");
  const client = await RawClient.dial({ port: server.port });
  client.ask({ path: "/nowhere", firstBytes: smuggled });
  await refusals.next();
  client.socket.write(smuggled);
  await client.answered();
  assert.equal(client.status, 404);
  assert.equal(client.header("Connection"), "close");
  assert.equal(client.head.match(/HTTP\/1\.1/g)?.length, 1);
  assert.equal(requests, 0);
});

test("a head that two readers could read differently is refused", () => {
  // Next CVE-2026-44578: folded lines, blanks before the colon, bare line ends
  for (const field of ["Upgrade : websocket", "X: a\r\n folded", "X: a\nY: b", "X: a\rY: b", "X: \0"]) {
    const result = new HeadParser("request").push(Buffer.from(`GET / HTTP/1.1\r\n${field}\r\n\r\n`));
    assert.equal(result?.ok, false, JSON.stringify(field));
  }
});

test("a path or cookie with a broken percent-encoding is refused or kept, and throws nothing", async () => {
  // engine.io CVE-2022-21676, CVE-2022-41940: exceptions that a peer's request could cause
  const cookies: (string | undefined)[] = [];
  const options: ServeOptions = {
    routes: { "/rooms/:room": { open: (socket) => void cookies.push(socket.request.cookies.get("a")) } },
  };
  assert.equal(await statusFor({ path: "/rooms/%E0%A4%A" }, options), 404);
  assert.equal(
    await statusFor({ path: "/rooms/a?%=%&x[__proto__]=1", headers: { Cookie: "a=%E0%A4%A" } }, options),
    101,
  );
  assert.deepEqual(cookies, ["%E0%A4%A"]);
});

test("nobody but a listed proxy names his address by the PROXY protocol", async () => {
  const addresses = new Inbox<string>("address");
  await using server = await serve({
    proxyProtocolFrom: ["192.0.2.1"],
    open: (socket) => addresses.push(socket.request.remoteAddress),
  });
  const forger = await RawClient.dial({ port: server.port });
  forger.socket.write(`PROXY TCP4 198.51.100.7 198.51.100.1 1 2\r\n${requestHead()}`);
  await forger.answered();
  assert.equal(forger.status, 400);
  const honest = await RawClient.open({ port: server.port });
  assert.equal(await addresses.next(), "127.0.0.1");
  await Promise.all([forger.destroy(), honest.destroy()]);
});

test("a header of the PROXY protocol that is cut is refused", async () => {
  // mastercactapus/proxyprotocol CVE-2019-14243
  await using server = await serve({ proxyProtocolFrom: ["127.0.0.1"] });
  const client = await RawClient.dial({ port: server.port });
  client.socket.write(Buffer.from("0d0a0d0a000d0a515549540a21110004c0000207", "hex"));
  await client.answered();
  assert.equal(client.status, 400);
  await client.destroy();
});
