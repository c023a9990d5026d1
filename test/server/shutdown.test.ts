import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { accept, createServer, type Refusal, refuse, serve } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { Inbox, PATIENCE_MS } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient } from "../support/raw-client.js";
import { rounds } from "../support/until.js";
import { warnings } from "../support/warnings.js";
import { withTimeout } from "../support/with-timeout.js";

describe("shutdown", () => {
  after(leakCheck());

  it("tells every client with 1001, and waits for them", async () => {
    const results: (number | undefined)[] = [];
    const server = await serve({ close: (_socket, result) => void results.push(result.sent?.code) });
    const clients = await Promise.all([1, 2, 3].map(() => RawClient.open({ port: server.port })));
    let isOver = false;
    const shutdown = server.shutdown().then(() => void (isOver = true));
    const closes = await Promise.all(clients.slice(1).map((client) => client.finish()));
    await rounds(5);
    assert.equal(isOver, false);
    closes.push(await clients[0]!.finish());
    await shutdown;
    assert.deepEqual(closes, Array(3).fill({ code: 1001, reason: "" }));
    assert.deepEqual(results, [1001, 1001, 1001]);
    assert.equal(server.connections.size, 0);
  });

  it("says the code and reason that it is given", async () => {
    const server = await serve({});
    const client = await RawClient.open({ port: server.port });
    const shutdown = server.shutdown({ code: 1012, reason: "a new version" });
    assert.deepEqual(await client.finish(), { code: 1012, reason: "a new version" });
    await shutdown;
  });

  it("drops who is left after the drain timeout", async () => {
    const errors: string[] = [];
    const server = await serve({ error: (_socket, error) => void errors.push(error.code) });
    const client = await RawClient.open({ port: server.port });
    await server.shutdown({ drainTimeoutMs: 60 });
    await client.gone;
    assert.equal(server.connections.size, 0);
    assert.deepEqual(errors, ["TERMINATED"]);
  });

  it("is one, however often it is called", async () => {
    const server = await serve({});
    const client = await RawClient.open({ port: server.port });
    const first = server.shutdown();
    assert.equal(server.shutdown({ code: 1000 }), first);
    assert.equal((await client.finish()).code, 1001);
    await first;
    assert.equal(server.shutdown(), first);
  });

  it("resolves at once where nobody is connected", async () => {
    await (await serve({})).shutdown();
    await createServer({}).shutdown();
  });

  it("waits for nobody in the middle of a handshake longer than for the others", async () => {
    const asked = new Inbox<void>("question");
    const server = await serve({
      handshakeTimeoutMs: 0, // who is not dropped would stay for good
      upgrade() {
        asked.push();
        return new Promise<never>(() => {});
      },
    });
    const client = await RawClient.dial({ port: server.port });
    client.ask();
    await asked.next();
    await server.shutdown({ drainTimeoutMs: 60 });
    await client.gone;
  });

  it("waits for those in the middle of a handshake as for the others", async () => {
    const questions = new Inbox<() => void>("question");
    const server = await serve({
      upgrade: () => new Promise<Refusal>((resolve) => questions.push(() => resolve(refuse(404)))),
    });
    const client = await RawClient.dial({ port: server.port });
    client.ask();
    const answer = await questions.next();
    let isDown = false;
    const shutdown = server.shutdown({ drainTimeoutMs: Number.POSITIVE_INFINITY }).then(() => {
      isDown = true;
    });
    await rounds(20);
    assert.equal(isDown, false);
    answer();
    await client.gone;
    await shutdown;
  });

  it("waits for nobody who was refused longer than for the others", async () => {
    for (const upgrade of [() => refuse(403), () => Promise.resolve(refuse(403))]) {
      const server = await serve({ upgrade, refused() {} });
      const client = await RawClient.dial({ port: server.port });
      client.socket.allowHalfOpen = true; // it does not end its own direction
      client.ask();
      await once(client.socket, "data");
      const startedMs = performance.now();
      await server.shutdown({ drainTimeoutMs: 60 });
      assert.ok(performance.now() - startedMs < 1_500, "long before a refusal is given up");
      await client.destroy();
    }
  });

  it("refuses options that are none before it ends anything", async () => {
    const server = await serve({});
    const client = await RawClient.open({ port: server.port });
    for (const [options, code] of [
      [{ code: 1006 }, "CLOSE_CODE_NOT_ALLOWED"],
      [{ reason: "x".repeat(124) }, "CLOSE_REASON_TOO_LONG"],
      [{ drainTimeoutMs: Number.NaN }, "INVALID_OPTION"],
      [{ drainTimeoutMs: -1 }, "INVALID_OPTION"],
      [{ drainTimeoutMs: 2 ** 31 }, "INVALID_OPTION"],
    ] as const) {
      await assert.rejects(async () => server.shutdown(options), { name: "UsageError", code });
    }
    const second = await RawClient.open({ port: server.port });
    assert.equal(second.status, 101);
    const shutdown = server.shutdown({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    await rounds(20);
    assert.equal(server.connections.size, 2);
    await Promise.all([client.finish(), second.finish()]);
    await shutdown;
  });

  it("does not wait for who has not begun with TLS", async () => {
    const { key, cert } = testCertificate();
    const server = await serve({ tls: { key, cert }, handshakeTimeoutMs: 0 });
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    await rounds(5);
    const gone = once(socket, "close");
    socket.resume();
    await withTimeout(server.shutdown({ drainTimeoutMs: 60 }), PATIENCE_MS, "the end");
    await gone;
  });

  it("drops after the drain timeout who has not begun with TLS, and cannot be told from others", async () => {
    const directory = await mkdtemp(join(tmpdir(), "hawser-"));
    const tls = testCertificate();
    const header = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n"; // two of one client, by two proxies
    const atPath = await serve({ tls, path: join(directory, "socket") });
    const behindProxies = await serve({ tls, proxyProtocolFrom: ["127.0.0.1"] });
    const silent = [
      connect(new URL(atPath.url).pathname),
      ...[1, 2].map(() => connect(behindProxies.port, "127.0.0.1").on("connect", say)),
    ];
    function say(this: Socket): void {
      this.write(header);
    }
    await Promise.all(
      silent.map((socket) =>
        once(
          socket.on("error", () => {}),
          "connect",
        ),
      ),
    );
    await delay(50); // the servers know of them
    const gone = silent.map((socket) => once(socket, "close"));
    for (const server of [atPath, behindProxies])
      await withTimeout(server.shutdown({ drainTimeoutMs: 60 }), 3_000, "the end of the server");
    await Promise.all(gone);
    await rm(directory, { recursive: true });
  });

  it("drops after the drain timeout who does not take the refusal of a CONNECT", async () => {
    const server = await serve({});
    const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.write("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(String(answer), /^HTTP\/1.1 405 /);
    const startedMs = performance.now();
    await server.shutdown({ drainTimeoutMs: 100 });
    assert.ok(performance.now() - startedMs < 1_500, "long before a refusal is given up");
    socket.destroy();
  });

  it("gives ordinary requests no more time where an endpoint takes all of it", async () => {
    const server = await serve({
      request: (_request, response) => void response.write("it never ends"),
      shutdown: () => new Promise(() => {}),
    });
    const request = get({ port: server.port, host: "127.0.0.1" });
    const ended = new Promise<void>((resolve) => {
      request.on("response", (response) => response.on("error", () => resolve()).resume());
    });
    await once(request, "response");
    const startedMs = performance.now();
    await server.shutdown({ drainTimeoutMs: 1_500 });
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 2_900, `${tookMs} ms: it took the time twice`);
    await ended;
  });

  it("ends the server also where its broker throws", async () => {
    const subscribe = (): (() => void) => () => {
      throw new Error("the broker is gone");
    };
    const server = await serve({ broker: { publish() {}, subscribe, close() {} } });
    using seen = warnings();
    await server.shutdown();
    assert.equal(server.port, 0);
    assert.deepEqual(seen.messages, ['broker, topic "hawser": the broker is gone']);
  });

  it("refuses with 503 whose hook answers meanwhile", async () => {
    const asked = new Inbox<() => void>("question");
    const refusals: string[] = [];
    const server = await serve({
      async upgrade() {
        await new Promise<void>((resolve) => asked.push(resolve));
        return accept();
      },
      open: () => assert.fail("opened"),
      refused: (error) => void refusals.push(error.code),
    });
    const client = await RawClient.dial({ port: server.port });
    client.ask();
    const go = await asked.next();
    const shutdown = server.shutdown();
    go();
    await client.answered();
    assert.equal(client.status, 503);
    assert.equal(client.header("Retry-After"), "5");
    assert.deepEqual(refusals, ["SHUTTING_DOWN"]);
    await shutdown;
  });
});
