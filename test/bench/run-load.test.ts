import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { createHub, type HubOptions } from "hawser/hub";
import { endpoint, serve } from "hawser/server";
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import type { LoadPlan } from "#bench/load-plan.js";
import { runLoad } from "#bench/run-load.js";
import { testCertificate } from "../support/certificate.js";

const PLAN: LoadPlan = {
  kind: "echo",
  connections: 4,
  window: 8,
  sizes: [20],
  durationMs: 400,
  warmUpMs: 30,
  openTimeoutMs: 5_000,
};

/** A server of `ws` that does something with each message. */
async function wsServer(
  t: TestContext,
  answer: (socket: WebSocket, data: Buffer, isBinary: boolean, server: WebSocketServer) => void,
  options: ServerOptions = {},
): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data: RawData, isBinary) => answer(socket, data as Buffer, isBinary, server));
  });
  await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function hawserServer(t: TestContext, compression = false): Promise<string> {
  const server = await serve({
    ...(compression && { compression: true, compressFromBytes: 0 }),
    routes: {
      "/fan": endpoint({ message: (_socket, data) => void server.broadcast(data) }),
      "/others": endpoint({ message: (socket, data) => void server.broadcast(data, { except: socket }) }),
      "/welcome": endpoint({
        open: (socket) => void socket.send("welcome"),
        message: (socket, data) => void socket.send(data),
      }),
      "/*": endpoint({ message: (socket, data) => void socket.send(data) }),
    },
  });
  t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
  return server.url;
}

describe("a load of echoes", () => {
  for (const [what, more] of [
    ["small messages", {}],
    ["large messages", { sizes: [100_000], window: 2 }],
    ["messages of several sizes", { sizes: [1, 200, 70_000], window: 4 }],
    ["JSON as text", { sizes: [300], content: "json" }],
    ["idle connections beside", { connections: 20, activeConnections: 2 }],
  ] as const) {
    it(`counts ${what} of Hawser`, async (t) => {
      const report = await runLoad(await hawserServer(t), { ...PLAN, ...more });
      assert.deepEqual(report.faults, []);
      assert.ok(report.messages > 0);
      assert.equal(report.perSecond, report.messages / report.seconds);
      const { p50, p99, p999, max } = report.latencyMs;
      assert.ok(0 < p50 && p50 <= p99 && p99 <= p999 && p999 <= max);
      assert.equal(report.connections, "connections" in more ? more.connections : PLAN.connections);
      assert.equal(report.isCompressed, false);
      assert.ok(report.generator.cpuSeconds > 0);
    });
  }

  it("counts what ws echoes in fragments, with pings between them", async (t) => {
    const url = await wsServer(t, (socket, data) => {
      socket.send(data.subarray(0, 7), { binary: true, fin: false });
      socket.ping("?");
      socket.send(data.subarray(7), { binary: true, fin: true });
    });
    const report = await runLoad(url, PLAN);
    assert.deepEqual(report.faults, []);
    assert.ok(report.messages > 0);
  });

  for (const content of ["binary", "json"] as const) {
    const plan: LoadPlan = { ...PLAN, sizes: [200, 3_000], content, isCompressionOffered: true };

    it(`counts compressed ${content} of Hawser`, async (t) => {
      const report = await runLoad(await hawserServer(t, true), plan);
      assert.deepEqual(report.faults, []);
      assert.ok(report.isCompressed && report.messages > 0);
    });

    for (const clientNoContextTakeover of [false, true]) {
      it(`counts compressed ${content} of ws, ${clientNoContextTakeover ? "each on its own" : "window kept"}`, async (t) => {
        const url = await wsServer(t, (socket, data, isBinary) => socket.send(data, { binary: isBinary }), {
          perMessageDeflate: { threshold: 0, clientNoContextTakeover },
        });
        const report = await runLoad(url, plan);
        assert.deepEqual(report.faults, []);
        assert.ok(report.isCompressed && report.messages > 0);
      });
    }
  }

  it("goes without compression where the server declines it", async (t) => {
    const report = await runLoad(await hawserServer(t), { ...PLAN, isCompressionOffered: true });
    assert.equal(report.isCompressed, false);
    assert.ok(report.messages > 0);
  });

  it("waits for what the server says first", async (t) => {
    const report = await runLoad(`${await hawserServer(t)}/welcome`, { ...PLAN, greetings: 1 });
    assert.deepEqual(report.faults, []);
    assert.ok(report.messages > 0);
  });

  it("goes over TLS", async (t) => {
    const httpsServer = createServer(testCertificate()).listen(0, "127.0.0.1");
    await once(httpsServer, "listening");
    t.after(() => httpsServer.close());
    const server = new WebSocketServer({ server: httpsServer });
    t.after(() => {
      for (const client of server.clients) client.terminate();
    });
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
    const url = `wss://127.0.0.1:${(httpsServer.address() as AddressInfo).port}`;
    const report = await runLoad(url, { ...PLAN, sizes: [20_000], isInsecure: true });
    assert.deepEqual(report.faults, []);
    assert.ok(report.messages > 0);
    await assert.rejects(runLoad(url, PLAN), /cannot connect: DEPTH_ZERO_SELF_SIGNED_CERT/);
  });
});

describe("a load on a server that is wrong", () => {
  for (const [what, answer, fault] of [
    [
      "changes a byte",
      (socket: WebSocket, data: Buffer) => socket.send(Buffer.from(data.toString().replace("h", "H"))),
      /something else/,
    ],
    [
      "cuts messages",
      (socket: WebSocket, data: Buffer) => socket.send(data.subarray(1)),
      /of 20 bytes with one of 19/,
    ],
    [
      "answers with text",
      (socket: WebSocket, data: Buffer) => socket.send(data, { binary: false }),
      /binary with text/,
    ],
    [
      "answers twice",
      (socket: WebSocket, data: Buffer) => [socket.send(data), socket.send(data)],
      /more than answers/,
    ],
    ["closes", (socket: WebSocket) => socket.close(1011, "no"), /closed the connection with 1011, "no"/],
    ["breaks the connection", (socket: WebSocket) => socket.terminate(), /closed the connection|broke/],
    ["never answers", () => {}, /no answer at all/],
  ] as const) {
    it(`reports one that ${what}`, async (t) => {
      const url = await wsServer(t, answer);
      const { faults } = await runLoad(url, { ...PLAN, window: 1 });
      assert.ok(faults.length > 0);
      assert.match(faults[0]!.reason, fault);
    });
  }

  it("cannot begin where nobody listens, or where upgrades are refused", async (t) => {
    await assert.rejects(runLoad("ws://127.0.0.1:1/", PLAN), /cannot connect: ECONNREFUSED/);
    const url = await wsServer(t, () => {}, { verifyClient: () => false });
    await assert.rejects(runLoad(url, PLAN), /the server answered "HTTP\/1.1 401/);
  });

  it("says what a refusal says: of a hub that it wants sessions", async (t) => {
    const server = await serve({ routes: { "/live": createHub() } });
    t.after(() => server.shutdown());
    await assert.rejects(runLoad(`${server.url}/live`, PLAN), {
      message: 'the server answered "HTTP/1.1 400 Bad Request": "Sessions speak the subprotocol hawser.1"',
    });
  });

  it("does not wait for ever for what the server was to say first", async (t) => {
    const url = await hawserServer(t);
    await assert.rejects(runLoad(url, { ...PLAN, greetings: 1, openTimeoutMs: 1_000 }), /did not come/);
  });
});

describe("a fan-out", () => {
  for (const [path, receivers] of [
    ["/fan", "all"],
    ["/others", "all but the sender"],
  ] as const) {
    it(`counts deliveries to ${receivers}`, async (t) => {
      const url = `${await hawserServer(t)}${path}`;
      const report = await runLoad(url, {
        ...PLAN,
        kind: "fan-out",
        connections: 10,
        durationMs: 200,
        warmUpMs: 400,
      });
      assert.deepEqual(report.faults, []);
      assert.ok(report.messages > 0);
    });
  }

  it("reports a receiver that is left out", async (t) => {
    const url = await wsServer(t, (_socket, data, _isBinary, server) => {
      for (const client of [...server.clients].slice(0, 2)) client.send(data);
    });
    const { faults } = await runLoad(url, { ...PLAN, kind: "fan-out", connections: 3 });
    assert.deepEqual(faults, [{ reason: "a connection got no message at all", count: 1 }]);
  });
});

describe("a load of sessions", () => {
  async function hubServer(t: TestContext, options: HubOptions): Promise<string> {
    const server = await serve({ routes: { "/*": createHub(options) } });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    return server.url;
  }

  const plan: LoadPlan = { ...PLAN, isSession: true };
  const echo: HubOptions = { message: (session, data) => void session.send(data) };

  for (const [what, more, options] of [
    ["small messages", {}, {}],
    ["text", { content: { text: "héllo" } }, {}],
    ["messages of several sizes", { sizes: [1, 200, 16_000], window: 3 }, {}],
    ["windows that wait for credit", { sizes: [200], window: 8 }, { windowBytes: 4_300 }],
    ["what the server says first", { greetings: 1 }, { open: (session) => void session.send("welcome") }],
  ] satisfies [string, Partial<LoadPlan>, HubOptions][]) {
    it(`counts ${what} of a hub`, async (t) => {
      const report = await runLoad(await hubServer(t, { ...echo, ...options }), { ...plan, ...more });
      assert.deepEqual(report.faults, []);
      assert.ok(report.messages > 0 && report.connections === PLAN.connections);
    });
  }

  it("counts a fan-out, whose receivers only acknowledge", async (t) => {
    const hub = createHub({ message: (_session, data) => void hub.broadcast(data) });
    const server = await serve({ routes: { "/*": hub } });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    const fan: LoadPlan = { ...plan, kind: "fan-out", connections: 10, sizes: [16_000], window: 3 };
    const report = await runLoad(server.url, fan);
    assert.deepEqual(report.faults, []);
    assert.ok(report.messages > 0);
  });

  for (const [what, options, fault] of [
    ["cuts messages", { message: (one, data) => void one.send(data.slice(1)) }, /of 20 bytes with one of 19/],
    ["answers with text", { message: (one, data) => void one.send(String(data)) }, /of another kind/],
    [
      "changes a byte",
      { message: (one, data) => void one.send(Buffer.from(String(data).replace("h", "H"))) },
      /something else/,
    ],
    ["ends the session", { message: (one) => void one.close(4501, "no") }, /with 4501, "no"/],
    ["never answers", { message: () => {} }, /no answer at all/],
  ] satisfies [string, HubOptions, RegExp][]) {
    it(`reports a hub that ${what}`, async (t) => {
      const { faults } = await runLoad(await hubServer(t, options), { ...plan, window: 1 });
      assert.ok(faults.length > 0);
      assert.match(faults[0]!.reason, fault);
    });
  }

  it("cannot begin where there are no sessions, or with what does not fit into a block", async (t) => {
    const late = { ...plan, openTimeoutMs: 5_000 };
    await assert.rejects(runLoad(await hawserServer(t), late), /unknown type/);
    const url = await hubServer(t, echo);
    await assert.rejects(runLoad(url, { ...plan, sizes: [20_000] }), /may have 16384 bytes/);
    await assert.rejects(runLoad(url, { ...plan, window: 8_000 }), /do not fit/);
    const small = await hubServer(t, { ...echo, windowBytes: 300 });
    await assert.rejects(runLoad(small, { ...plan, sizes: [200] }), /too small a window/);
    await assert.rejects(runLoad(url, { ...plan, kind: "connect" }), /echo or fan out/);
  });
});

describe("a load over HTTP/2", () => {
  async function http2Server(t: TestContext, isSecure: boolean): Promise<string> {
    const server = await serve({
      http2: true,
      ...(isSecure && { tls: testCertificate() }),
      routes: {
        "/fan": endpoint({ message: (_socket, data) => void server.broadcast(data) }),
        "/live": createHub({ message: (session, data) => void session.send(data) }),
        "/*": endpoint({ message: (socket, data) => void socket.send(data) }),
      },
    });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    return server.url;
  }

  const plan: LoadPlan = { ...PLAN, connections: 6, http2Connections: 2 };

  for (const [what, path, more, isSecure] of [
    ["small messages", "/", {}, false],
    ["more than windows and frames hold", "/", { sizes: [100_000], window: 2, durationMs: 600 }, false],
    ["messages over TLS", "/", { sizes: [300], isInsecure: true }, true],
    ["a fan-out", "/fan", { kind: "fan-out", warmUpMs: 400 }, false],
    ["sessions", "/live", { isSession: true }, false],
  ] satisfies [string, string, Partial<LoadPlan>, boolean][]) {
    it(`counts ${what}`, async (t) => {
      const url = await http2Server(t, isSecure);
      const report = await runLoad(`${url}${path}`, { ...plan, ...more });
      assert.deepEqual(report.faults, []);
      assert.ok(report.messages > 0 && report.connections === 6);
    });
  }

  it("cannot begin where HTTP/2 is not spoken, has no WebSocket, or refuses", async (t) => {
    await assert.rejects(runLoad(await hawserServer(t), plan), /closed the connection|cannot connect/);
    const http = createHttp2Server().listen(0, "127.0.0.1");
    await once(http, "listening");
    t.after(() => http.close());
    const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`;
    await assert.rejects(runLoad(url, plan), /no WebSocket over HTTP\/2/);
    const server = await serve({ http2: true, routes: { "/there": endpoint({}) } });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    await assert.rejects(runLoad(`${server.url}/not-there`, plan), /did not accept/);
  });
});

describe("a load of connections", () => {
  it("opens and closes them", async (t) => {
    const report = await runLoad(await hawserServer(t), { ...PLAN, kind: "connect" });
    assert.deepEqual(report.faults, []);
    assert.ok(report.messages > 0);
  });

  it("ends when there is no server any more", async () => {
    const report = await runLoad("ws://127.0.0.1:1/", { ...PLAN, kind: "connect", durationMs: 60_000 });
    assert.equal(report.messages, 0);
    assert.match(report.faults[0]!.reason, /ECONNREFUSED/);
  });
});

describe("an observer", () => {
  it("is told of each phase, and can end the load", async (t) => {
    const told: string[] = [];
    const end = new AbortController();
    const report = await runLoad(
      await hawserServer(t),
      { ...PLAN, durationMs: 60_000 },
      {
        began: () => {
          told.push("began");
          setTimeout(() => end.abort(), 300);
        },
        ended: () => void told.push("ended"),
        progress: ({ phase }) => {
          if (told.at(-1) !== phase) told.push(phase);
        },
        signal: end.signal,
      },
    );
    assert.deepEqual(told, ["opening", "began", "measuring", "ended"]);
    assert.ok(report.messages > 0 && report.seconds < 30);
  });
});
