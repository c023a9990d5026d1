import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, describe, it, type TestContext } from "node:test";
import { type ConnectError, type ConnectOptions, connect, HandshakeError } from "hawser/client";
import { leakCheck } from "../support/leak-check.js";
import { withTimeout } from "../support/with-timeout.js";
import { connectErrorOf } from "./connect-error.js";
import { rawServer, serverFrame, switching } from "./raw-server.js";

describe("a client that is answered wrongly", () => {
  after(leakCheck());

  async function errorFor(
    t: TestContext,
    answer: (socket: Socket, head: string) => void,
    options: ConnectOptions = {},
  ): Promise<ConnectError> {
    const server = await rawServer(t, answer);
    const error = await withTimeout(connectErrorOf(connect(server.url, options)), 5_000, "the rejection");
    assert.equal(error.phase, "handshake");
    return error;
  }

  const cases: [what: string, code: string, answer: (head: string) => string, options?: ConnectOptions][] = [
    ["a wrong accept", "INVALID_ACCEPT", (h) => switching(h).replace(/Accept: .*/, "Accept: AAAA")],
    ["no accept", "INVALID_ACCEPT", (h) => switching(h).replace(/Sec-WebSocket-Accept: .*\r\n/, "")],
    ["no Upgrade", "INVALID_UPGRADE", (h) => switching(h).replace(/Upgrade: websocket\r\n/, "")],
    ["no Connection", "INVALID_CONNECTION", (h) => switching(h).replace(/Connection: .*\r\n/, "")],
    ["HTTP/1.0", "HTTP_VERSION", (h) => switching(h).replace("HTTP/1.1", "HTTP/1.0")],
    ["HTTP/2.0", "HTTP_VERSION", (h) => switching(h).replace("HTTP/1.1", "HTTP/2.0")],
    ["no HTTP", "MALFORMED_HEAD", () => "SSH-2.0-OpenSSH_9.6\r\n"],
    [
      "a subprotocol nobody asked for",
      "UNREQUESTED_PROTOCOL",
      (h) => switching(h, "Sec-WebSocket-Protocol: a\r\n"),
    ],
    [
      "another subprotocol",
      "UNREQUESTED_PROTOCOL",
      (h) => switching(h, "Sec-WebSocket-Protocol: b\r\n"),
      { protocols: "a" },
    ],
    [
      "no subprotocol where one is required",
      "MISSING_PROTOCOL",
      switching,
      { protocols: "a", requireProtocol: true },
    ],
    [
      "an unknown extension",
      "UNREQUESTED_EXTENSION",
      (h) => switching(h, "Sec-WebSocket-Extensions: x-frob\r\n"),
    ],
    [
      "an extension that was not offered",
      "UNREQUESTED_EXTENSION",
      (h) => switching(h, "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
      { compression: false },
    ],
    [
      "window bits outside 8-15",
      "INVALID_EXTENSIONS",
      (h) => switching(h, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=1000000\r\n"),
    ],
    ["too many header fields", "HEAD_TOO_LARGE", (h) => switching(h, "a: b\r\n".repeat(200))],
  ];
  for (const [what, code, answer, options] of cases) {
    it(`refuses ${what}`, async (t) => {
      const error = await errorFor(t, (socket, head) => socket.write(answer(head)), options);
      assert.equal(error.code, "HANDSHAKE_FAILED");
      assert.ok(error.cause instanceof HandshakeError);
      assert.equal(error.cause.code, code);
    });
  }

  it("tells status and headers of a refusal", async (t) => {
    const error = await errorFor(t, (socket) => {
      socket.end("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n__proto__: x\r\n\r\nno");
    });
    assert.equal(error.code, "HANDSHAKE_FAILED");
    assert.equal(error.status, 401);
    assert.deepEqual(error.headers, ["WWW-Authenticate", "Bearer", "__proto__", "x"]);
    assert.match(error.message, /401/);
  });

  it("takes an answer of 302 for a refusal, unless redirects are allowed", async (t) => {
    const error = await errorFor(t, (socket) => socket.write("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"));
    assert.equal(error.code, "HANDSHAKE_FAILED");
    assert.equal(error.status, 302);
  });

  it("does not hold an answer without end", async (t) => {
    let written = 0;
    const error = await errorFor(t, (socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\n");
      const more = (): void => {
        written += 1024;
        if (!socket.destroyed) socket.write(`X-Filler: ${"x".repeat(1012)}\r\n`, () => setImmediate(more));
      };
      more();
    });
    assert.equal((error.cause as HandshakeError).code, "HEAD_TOO_LARGE");
    assert.ok(written < 4 * 1024 * 1024);
  });

  it("does not wait for an answer that trickles", async (t) => {
    const error = await errorFor(
      t,
      (socket, head) => {
        const bytes = switching(head);
        let i = 0;
        const timer = setInterval(() => socket.write(bytes[i++ % 20] ?? ""), 20);
        socket.on("close", () => clearInterval(timer));
      },
      { handshakeTimeoutMs: 200 },
    );
    assert.equal(error.code, "HANDSHAKE_TIMEOUT");
  });

  it("tells when the server hangs up instead of answering", async (t) => {
    const ended = await errorFor(t, (socket) => socket.end());
    assert.equal(ended.code, "CONNECT_FAILED");
    const reset = await errorFor(t, (socket) => socket.resetAndDestroy());
    assert.equal(reset.code, "CONNECT_FAILED");
    assert.equal((reset.cause as { code?: string }).code, "ECONNRESET");
  });

  it("fails the open connection for a masked frame behind the answer", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      socket.write(Buffer.concat([Buffer.from(switching(head)), Buffer.of(0x81, 0x81, 0, 0, 0, 0, 0x61)]));
    });
    const socket = await connect(server.url);
    for (const other of server.sockets) other.on("end", () => other.end()).resume();
    const result = await socket.closed;
    assert.equal(result.error?.code, "MASKED_FRAME");
    assert.equal(result.sent?.code, 1002);
  });

  it("lets the server close right behind its answer", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      socket.end(Buffer.concat([Buffer.from(switching(head)), serverFrame(8, Buffer.of(0x03, 0xf5))]));
    });
    const socket = await connect(server.url);
    const result = await socket.closed;
    assert.equal(result.code, 1013);
    assert.equal(result.wasClean, true);
    assert.equal(result.initiator, "remote");
  });
});
