import assert from "node:assert/strict";
import { after, describe, it, mock } from "node:test";
import { accept, type ServeOptions, serve } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { Inbox, PATIENCE_MS } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient, requestHead, textFrame } from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";
import { withTimeout } from "../support/with-timeout.js";

describe("the limits on connections", () => {
  after(leakCheck());

  it("refuse with 503 in total, and free the place of who left", async () => {
    const refusals: string[] = [];
    const server = await serve({ maxConnections: 2, refused: (error) => void refusals.push(error.code) });
    const first = await RawClient.open({ port: server.port });
    const second = await RawClient.open({ port: server.port });
    const third = await RawClient.open({ port: server.port });
    assert.deepEqual([first.status, second.status, third.status], [101, 101, 503]);
    assert.equal(third.header("Retry-After"), "5");
    assert.deepEqual(refusals, ["TOO_MANY_CONNECTIONS"]);
    await first.destroy();
    await until(() => server.connections.size === 1, "the first is gone");
    const fourth = await RawClient.open({ port: server.port });
    assert.equal(fourth.status, 101);
    await Promise.all([second.destroy(), fourth.destroy(), third.destroy()]);
    await server.shutdown();
  });

  it("refuse with 429 by address", async () => {
    const server = await serve({
      maxConnectionsPerAddress: 1,
      clientAddress: (request) => request.headers.get("x-real-ip") ?? "",
    });
    const from = (address: string) =>
      RawClient.open({ port: server.port, headers: { "X-Real-IP": address } });
    const clients = [await from("1.1.1.1"), await from("1.1.1.1"), await from("2.2.2.2")];
    assert.deepEqual(
      clients.map((client) => client.status),
      [101, 429, 101],
    );
    await clients[0]!.destroy();
    await until(() => server.connections.size === 1, "the first is gone");
    clients.push(await from("1.1.1.1"));
    assert.equal(clients[3]!.status, 101);
    await Promise.all(clients.map((client) => client.destroy()));
    await server.shutdown();
  });

  it("refuse with 429 by the /64 of an IPv6 address, and free the place of who left", async () => {
    const server = await serve({
      maxConnectionsPerAddress: 1,
      clientAddress: (request) => request.headers.get("x-real-ip") ?? "",
    });
    const from = (address: string) =>
      RawClient.open({ port: server.port, headers: { "X-Real-IP": address } });
    const clients = [
      await from("2001:db8::1"),
      await from("2001:db8::ffff:2"),
      await from("2001:db8:0:1::1"),
      await from("::ffff:192.0.2.1"),
      await from("192.0.2.1"),
    ];
    assert.deepEqual(
      clients.map((client) => client.status),
      [101, 429, 101, 101, 429],
    );
    assert.deepEqual(
      [...server.connections].map((socket) => socket.request.remoteAddress),
      ["2001:db8::1", "2001:db8:0:1::1", "::ffff:192.0.2.1"],
    );
    await clients[0]!.destroy();
    await until(() => server.connections.size === 2, "the first is gone");
    clients.push(await from("2001:db8::3"));
    assert.equal(clients[5]!.status, 101);
    await Promise.all(clients.map((client) => client.destroy()));
    await server.shutdown();
  });

  it("are not miscounted where a hook tries to give the request another address", async () => {
    const server = await serve({
      maxConnectionsPerAddress: 1,
      upgrade(request) {
        Reflect.set(request, "remoteAddress", "203.0.113.9");
        return accept();
      },
    });
    for (let round = 0; round < 2; round++) {
      const client = await RawClient.open({ port: server.port });
      assert.equal(client.status, 101);
      await client.destroy();
      await until(() => server.connections.size === 0, "it is gone");
    }
    await server.shutdown();
  });

  it("count a handshake from its beginning, and no refused one after its end", async () => {
    const asked = new Inbox<(isIn: boolean) => void>("question");
    const server = await serve({
      maxConnections: 1,
      async upgrade() {
        const isIn = await new Promise<boolean>((resolve) => asked.push(resolve));
        if (!isIn) throw new Error("no");
        return accept();
      },
      refused: () => {},
    });
    for (let i = 0; i < 3; i++) {
      const first = await RawClient.dial({ port: server.port });
      first.ask();
      const answer = await asked.next();
      const second = await RawClient.open({ port: server.port });
      assert.equal(second.status, 503);
      answer(false);
      await first.answered();
      assert.equal(first.status, 500);
    }
    const last = await RawClient.dial({ port: server.port });
    last.ask();
    (await asked.next())(true);
    await last.answered();
    assert.equal(last.status, 101);
    await last.destroy();
    await server.shutdown();
  });
});

describe("the limits on the head of a request", () => {
  after(leakCheck());

  async function statusOf(options: ServeOptions, headers: Record<string, string>): Promise<number> {
    const server = await serve(options);
    const client = await RawClient.open({ port: server.port, headers });
    await client.destroy();
    await server.shutdown();
    return client.status;
  }

  it("refuse too many bytes with 431", async () => {
    const headers = { "X-Long": "x".repeat(2_000) };
    assert.equal(await statusOf({ maxHeaderBytes: 1_024 }, headers), 431);
    assert.equal(await statusOf({ maxHeaderBytes: 4_096 }, headers), 101);
  });

  it("tell `refused`, with the address and nothing else", async () => {
    for (const options of [{ maxHeaderBytes: 1_024 }, { maxHeaders: 5 }]) {
      const told = new Inbox<readonly [string, number, string, string]>("refusal");
      const server = await serve({
        ...options,
        refused: (error, request) =>
          void told.push([error.code, error.status, request.target, request.remoteAddress]),
      });
      const headers = { "X-Long": "x".repeat(2_000) };
      const client = await RawClient.open({ port: server.port, headers });
      assert.equal(client.status, 431);
      assert.deepEqual(await told.next(), ["HEAD_TOO_LARGE", 431, "", "127.0.0.1"]);
      await client.destroy();
      await server.shutdown();
    }
  });

  it("refuse too many fields with 431, and leave none out instead", async () => {
    const OURS = 5; // what every handshake has
    const fields = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`X-Field-${i}`, "x"]));
    assert.equal(await statusOf({}, fields(100 - OURS)), 101);
    for (const count of [101, 140, 500]) assert.equal(await statusOf({}, fields(count - OURS)), 431);
    assert.equal(await statusOf({ maxHeaders: 7 }, fields(7 - OURS)), 101);
    // A foreign origin behind the limit does not become no origin.
    assert.equal(
      await statusOf({ maxHeaders: 7 }, { ...fields(8 - OURS), Origin: "https://evil.test" }),
      431,
    );
  });
});

describe("the deadline of the opening handshake", () => {
  after(leakCheck());
  const SHORT_MS = 100;
  /** For what has to be done before the deadline, such as a handshake of TLS. */
  const ENOUGH_MS = 1_000;

  it("drops a connection that says nothing", async () => {
    const server = await serve({ handshakeTimeoutMs: SHORT_MS });
    const client = await RawClient.dial({ port: server.port });
    await client.gone;
    await server.shutdown();
  });

  it("drops a head that never ends", async () => {
    const server = await serve({ handshakeTimeoutMs: SHORT_MS });
    const client = await RawClient.dial({ port: server.port });
    client.send(Buffer.from(requestHead().slice(0, -4)));
    await client.gone;
    await server.shutdown();
  });

  it("drops the head of an ordinary request that never ends, long before Node would look for it", async () => {
    const server = await serve({ handshakeTimeoutMs: SHORT_MS });
    const client = await RawClient.dial({ port: server.port });
    client.send(Buffer.from("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "));
    await withTimeout(client.gone, PATIENCE_MS, "the end of the connection"); // Node looks every 30 s by default
    await server.shutdown();
  });

  it("drops a TCP connection that does not begin with TLS, and one that says nothing behind it", async () => {
    const { key, cert, ca } = testCertificate();
    const server = await serve({ handshakeTimeoutMs: ENOUGH_MS, tls: { key, cert } });
    const silent = await RawClient.dial({ port: server.port });
    const silentBehind = await RawClient.dial({ port: server.port, ca });
    await Promise.all([silent.gone, silentBehind.gone]);
    await server.shutdown();
  });

  it("drops a client that the hook keeps waiting", async () => {
    let isAsked = false;
    const server = await serve({
      handshakeTimeoutMs: ENOUGH_MS,
      maxConnections: 1,
      upgrade() {
        const isFirst = !isAsked;
        isAsked = true;
        return isFirst ? new Promise<never>(() => {}) : accept();
      },
    });
    const client = await RawClient.open({ port: server.port });
    assert.equal(client.head, "");
    await client.gone;
    await rounds(5);
    const next = await RawClient.open({ port: server.port });
    assert.equal(next.status, 101);
    await next.destroy();
    await server.shutdown();
  });

  it("is over once the connection is open, over TCP and over TLS", async () => {
    const { key, cert, ca } = testCertificate();
    for (const secure of [{}, { tls: { key, cert } }]) {
      const server = await serve({
        ...secure,
        handshakeTimeoutMs: ENOUGH_MS,
        pingIntervalMs: 1.5 * ENOUGH_MS,
        message: (socket, data) => void socket.send(data),
      });
      const client = await RawClient.open({ port: server.port, ca: "tls" in secure ? ca : undefined });
      const { opcode } = await client.next(); // the keepalive's ping comes long behind the deadline
      assert.equal(opcode, 9);
      client.send(textFrame("still here"));
      assert.equal(await client.nextText(), "still here");
      await client.destroy();
      await server.shutdown();
    }
  });

  it("holds for a refusal that the client does not read", async () => {
    const refused = new Inbox<void>("refusal");
    const server = await serve({ refused: () => refused.push() });
    const client = await RawClient.dial({ port: server.port });
    client.socket.pause();
    client.ask({ headers: { Origin: "https://evil.test" } });
    await refused.next();
    await server.shutdown({ drainTimeoutMs: Number.POSITIVE_INFINITY }); // resolves when the last socket is gone, while the client still holds its own
    assert.equal(client.socket.destroyed, false);
    await client.destroy();
  });

  // The last one here: behind it the clock that all connections share is a minute ahead.
  it("is not over sooner where the server had nothing to do for long", async () => {
    const server = await serve({ message: (socket, data) => void socket.send(data) });
    const { now } = performance;
    mock.method(performance, "now", () => now.call(performance) + 60_000);
    try {
      const client = await RawClient.dial({ port: server.port });
      await rounds(20);
      client.ask({ firstBytes: textFrame("in time") });
      await client.answered();
      assert.equal(client.status, 101);
      assert.equal(await client.nextText(), "in time");
      await client.destroy();
    } finally {
      mock.restoreAll();
    }
    await server.shutdown();
  });
});
