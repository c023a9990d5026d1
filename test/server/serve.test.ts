import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { get as getSecurely } from "node:https";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, describe, it } from "node:test";
import { connect } from "hawser/client";
import { type ListeningServer, serve, UsageError } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient, textFrame } from "../support/raw-client.js";

const echo = {
  message(socket: { send(data: string | Buffer): unknown }, data: string | Buffer): void {
    socket.send(data);
  },
};

async function assertEchoes(client: RawClient): Promise<void> {
  assert.equal(client.status, 101);
  client.send(textFrame("hello"));
  assert.equal(await client.nextText(), "hello");
}

async function textOf(
  request: ReturnType<typeof get>,
): Promise<{ status: number; headers: object; body: string }> {
  const [response] = await once(request, "response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}

describe("serve", () => {
  after(leakCheck());

  it("takes a free port of 127.0.0.1 by default and says where it is", async () => {
    const server = await serve(echo);
    assert.ok(server.port > 0);
    assert.equal(server.url, `ws://127.0.0.1:${server.port}`);
    const client = await RawClient.open({ port: server.port });
    await assertEchoes(client);
    await client.destroy();
    const { url } = server;
    await server.shutdown();
    assert.equal(server.port, 0);
    // Whoever comes back finds nobody, and not a URL that is none.
    assert.equal(server.url, url);
    await assert.rejects(connect(server.url), { code: "CONNECT_FAILED" });
  });

  it("answers with the accept value of RFC 6455 §1.3 and masks nothing", async () => {
    const server = await serve({ open: (socket) => void socket.send("hi") });
    const client = await RawClient.open({ port: server.port });
    assert.equal(client.header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    const frame = await client.next();
    assert.deepEqual(
      { ...frame },
      { fin: true, reservedBits: 0, opcode: 1, masked: false, payload: Buffer.from("hi") },
    );
    await client.destroy();
    await server.shutdown();
  });

  it("listens on the host that it is given", async () => {
    const server = await serve({ ...echo, host: "::1" }).catch(() => undefined);
    if (server === undefined) return; // a machine without IPv6
    assert.equal(server.url, `ws://[::1]:${server.port}`);
    await server.shutdown();
  });

  it("has a URL that leads to its Unix socket, whatever the path", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hawser-"));
    for (const name of ["a.sock", "a b", "a%41", "a:b", "a?b", "a#b", "é"]) {
      for (const path of [join(folder, name), relative(".", join(folder, name))]) {
        const server = await serve({ path });
        const client = await connect(server.url, { message() {} });
        assert.equal(server.connections.size, 1, path);
        await client.close();
        await server.shutdown();
      }
    }
    await rm(folder, { recursive: true });
  });

  it("listens on a Unix socket", async () => {
    const path = join(tmpdir(), `hawser-serve-${process.pid}.sock`);
    let address: string | undefined;
    const server = await serve({
      ...echo,
      path,
      open: (socket) => void (address = socket.request.remoteAddress),
    });
    assert.equal(server.url, `ws+unix:${path}`);
    assert.equal(server.port, 0);
    const client = await RawClient.open({ socketPath: path });
    await assertEchoes(client);
    assert.equal(address, "");
    await client.destroy();
    await server.shutdown();
  });

  it("serves TLS, and says so", async () => {
    const { key, cert, ca } = testCertificate();
    const isSecure: boolean[] = [];
    const server = await serve({
      ...echo,
      tls: { key, cert },
      open: (socket) => void isSecure.push(socket.request.isSecure),
    });
    assert.equal(server.url, `wss://127.0.0.1:${server.port}`);
    const client = await RawClient.open({ port: server.port, ca });
    await assertEchoes(client);
    assert.deepEqual(isSecure, [true]);
    await client.destroy();
    await server.shutdown();
  });

  it("rejects for a taken port, with Node's error as the cause", async () => {
    const first = await serve(echo);
    await assert.rejects(serve({ ...echo, port: first.port }), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.code, "LISTEN_FAILED");
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${first.port}`));
      assert.equal((error.cause as NodeJS.ErrnoException).code, "EADDRINUSE");
      return true;
    });
    await first.shutdown();
  });

  it("rejects for a port that is none, and for limits that are none", async () => {
    const isInvalid = { name: "UsageError", code: "INVALID_OPTION" };
    await assert.rejects(serve({ ...echo, port: 65_536 }), isInvalid);
    await assert.rejects(serve({ ...echo, maxConnections: -1 }), isInvalid);
    await assert.rejects(serve({ ...echo, maxHeaders: Number.NaN }), isInvalid);
    await assert.rejects(serve({ ...echo, maxMessageBytes: 1.5 }), isInvalid);
    await assert.rejects(serve({ ...echo, highWaterMarkBytes: -1 }), isInvalid);
    await assert.rejects(serve({ ...echo, origins: ["not an origin"] }), isInvalid);
    await assert.rejects(serve({ routes: { chat: {} } }), isInvalid);
  });

  it("answers ordinary requests with 426 by default", async () => {
    const server = await serve(echo);
    const { status, headers, body } = await textOf(get({ port: server.port, host: "127.0.0.1" }));
    assert.equal(status, 426);
    assert.equal((headers as { upgrade?: string }).upgrade, "websocket");
    assert.match(body, /WebSocket/);
    await server.shutdown();
  });

  it("answers ordinary requests at a path where nothing is with 404, as handshakes there", async () => {
    await using server = await serve({ routes: { "/chat": echo } });
    const at = (path: string): string => server.url.replace("ws:", "http:") + path;
    for (const [path, expected] of [
      ["/chat", 426],
      ["/chats", 404],
      ["/", 404],
    ] as const)
      assert.equal((await fetch(at(path))).status, expected, path);
  });

  it("hands ordinary requests to `request`, beside the WebSockets", async () => {
    const server = await serve({ ...echo, request: (_request, response) => response.end("a page") });
    const client = await RawClient.open({ port: server.port });
    const page = await textOf(get({ port: server.port, host: "127.0.0.1" }));
    assert.equal(page.status, 200);
    assert.equal(page.body, "a page");
    await assertEchoes(client);
    await client.destroy();
    await server.shutdown();
  });

  it("hands ordinary requests to `request` over TLS", async () => {
    const { key, cert, ca } = testCertificate();
    const server = await serve({
      ...echo,
      tls: { key, cert },
      request: (_, response) => response.end("a page"),
    });
    const page = await textOf(getSecurely({ port: server.port, host: "127.0.0.1", ca, agent: false }));
    assert.equal(page.body, "a page");
    await server.shutdown();
  });

  it("shuts down at the end of an `await using` block", async () => {
    let kept: ListeningServer;
    let client: RawClient;
    {
      await using server = await serve(echo);
      kept = server;
      client = await RawClient.open({ port: server.port });
      void client.finish();
    }
    assert.equal(kept.connections.size, 0);
    assert.equal(kept.port, 0);
    await client.gone;
  });

  it("refuses what is not a WebSocket handshake, and tells `refused`", async () => {
    const refusals: string[] = [];
    const server = await serve({ ...echo, refused: (error) => void refusals.push(error.code) });
    const badVersion = await RawClient.open({ port: server.port, headers: { "Sec-WebSocket-Version": "8" } });
    assert.equal(badVersion.status, 426);
    assert.equal(badVersion.header("Sec-WebSocket-Version"), "13");
    const badKey = await RawClient.open({ port: server.port, headers: { "Sec-WebSocket-Key": "c2hvcnQ=" } });
    assert.equal(badKey.status, 400);
    assert.equal(badKey.header("Connection"), "close");
    assert.deepEqual(refusals, ["UNSUPPORTED_VERSION", "INVALID_KEY"]);
    await Promise.all([badVersion.gone, badKey.gone]);
    await server.shutdown();
  });

  it("reads what is sent behind a refused handshake, so that no reset destroys the answer", async () => {
    const server = await serve(echo);
    const client = await RawClient.dial({ port: server.port });
    const failures: Error[] = [];
    client.socket.on("error", (error) => failures.push(error));
    client.ask({ headers: { "Sec-WebSocket-Key": "short" }, firstBytes: Buffer.alloc(8_000_000) });
    await client.answered();
    await client.gone;
    assert.equal(client.status, 400);
    assert.deepEqual(failures, []);
    await server.shutdown();
  });

  it("never takes what is sent behind a refused handshake for another request", async () => {
    let requests = 0;
    const server = await serve({
      ...echo,
      request() {
        requests++;
      },
    });
    const client = await RawClient.open({
      port: server.port,
      headers: { "Sec-WebSocket-Key": "short" },
      firstBytes: Buffer.from("GET /admin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    });
    await client.gone;
    assert.equal(client.status, 400);
    assert.equal(client.head.match(/HTTP\/1\.1 /g)?.length, 1);
    assert.equal(requests, 0);
    await server.shutdown();
  });
});
