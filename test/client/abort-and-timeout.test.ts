import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";
import { after, describe, it, type TestContext } from "node:test";
import { type ConnectOptions, connect, WebSocket } from "hawser/client";
import { serve } from "hawser/server";
import { freePort } from "../support/free-port.js";
import { leakCheck } from "../support/leak-check.js";
import { until } from "../support/until.js";
import { connectErrorOf } from "./connect-error.js";
import { closeServer, headerOf, rawServer, switching } from "./raw-server.js";

/** A server that accepts and says nothing, whatever it is told. */
async function silentServer(t: TestContext): Promise<{ port: number; told: Promise<unknown> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
  });
  const told = once(server, "connection").then(([socket]) => once(socket as Socket, "data"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => closeServer(server, sockets));
  return { port: (server.address() as AddressInfo).port, told };
}

/** A way to be stuck in each phase: the URL and options, and when it is stuck. */
type Stuck = { url: string; options?: ConnectOptions; isStuck: Promise<unknown> };
const stuckIn: Record<string, (t: TestContext) => Promise<Stuck>> = {
  async dns() {
    let asked: () => void = () => {};
    const isStuck = new Promise<void>((resolve) => {
      asked = resolve;
    });
    return { url: "ws://never.invalid/", options: { proxy: false, lookup: () => asked() }, isStuck };
  },
  async tcp() {
    // Loopback accepts at once, so the transport that never comes is one of our own.
    const isStuck = Promise.resolve();
    return {
      url: "ws://127.0.0.1/",
      options: { createConnection: () => new Promise<Duplex>(() => {}) },
      isStuck,
    };
  },
  async tls(t) {
    const { port, told } = await silentServer(t);
    return { url: `wss://127.0.0.1:${port}/`, isStuck: told };
  },
  async proxy(t) {
    const { port, told } = await silentServer(t);
    return { url: "ws://a.invalid/", options: { proxy: `http://127.0.0.1:${port}` }, isStuck: told };
  },
  async handshake(t) {
    const { port, told } = await silentServer(t);
    return { url: `ws://127.0.0.1:${port}/`, isStuck: told };
  },
};

/** A transport that calls `then` so many microtasks after the answer of the server came. */
function whenAnswered(port: number, microtasks: number, then: () => void): Socket {
  const socket = connectTcp(port, "127.0.0.1");
  socket.once("data", async () => {
    for (let i = 0; i < microtasks; i++) await undefined;
    then();
  });
  socket.pause();
  return socket;
}

describe("giving up when the answer has come", () => {
  after(leakCheck());

  it("rejects, unless `open` has been called before", async () => {
    const server = await serve({ message() {} });
    const outcomes = new Set<string>();
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const controller = new AbortController();
      let isOpen = false;
      let wasOpen = false;
      const connecting = connect(server.url, {
        signal: controller.signal,
        message() {},
        open() {
          isOpen = true;
        },
        createConnection: () =>
          whenAnswered(server.port, microtasks, () => {
            wasOpen = isOpen;
            controller.abort();
          }),
      });
      const outcome = await connecting.then(
        (socket) => socket,
        (error: { code: string }) => error.code,
      );
      await until(() => controller.signal.aborted, "it is aborted");
      if (typeof outcome !== "string") {
        assert.equal(outcome.state, "open");
        outcome.terminate();
      }
      const outcomeName = typeof outcome === "string" ? outcome : "open";
      assert.equal(outcomeName, wasOpen ? "open" : "ABORTED", `after ${microtasks} microtasks`);
      assert.equal(isOpen, wasOpen);
      outcomes.add(outcomeName);
    }
    assert.deepEqual([...outcomes], ["ABORTED", "open"]);
    await server.shutdown();
  });

  it("of a `WebSocket` by `close()` fires no `open` behind it", async () => {
    const server = await serve({ message() {} });
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const events: string[] = [];
      const socket: WebSocket = new WebSocket(server.url, [], {
        createConnection: () =>
          whenAnswered(server.port, microtasks, () => {
            events.push("closing");
            socket.close();
          }),
      });
      for (const type of ["open", "error", "close"] as const)
        socket.addEventListener(type, () => events.push(type));
      await until(() => events.at(-1) === "close", "it is closed");
      const isFailed = events[0] === "closing";
      assert.deepEqual(events, isFailed ? ["closing", "error", "close"] : ["open", "closing", "close"]);
    }
    await server.shutdown();
  });
});

describe("giving up", () => {
  after(leakCheck());

  for (const [phase, stick] of Object.entries(stuckIn)) {
    it(`aborts in the phase ${phase} and leaves nothing behind`, async (t) => {
      const { url, options, isStuck } = await stick(t);
      const check = leakCheck();
      const controller = new AbortController();
      const error = connectErrorOf(connect(url, { ...options, signal: controller.signal }));
      await isStuck;
      const reason = new Error("enough");
      controller.abort(reason);
      const { code, phase: reached, cause } = await error;
      assert.deepEqual([code, reached, cause], ["ABORTED", phase, reason]);
      await check();
    });

    it(`runs out of time in the phase ${phase} and leaves nothing behind`, async (t) => {
      const { url, options } = await stick(t);
      const check = leakCheck();
      // The clock of the deadlines keeps no process alive, and in some phases there is no socket that does.
      const alive = setInterval(() => {}, 1_000);
      const startedAtMs = performance.now();
      const error = await connectErrorOf(connect(url, { ...options, handshakeTimeoutMs: 300 }));
      clearInterval(alive);
      const tookMs = performance.now() - startedAtMs;
      assert.deepEqual([error.code, error.phase], ["HANDSHAKE_TIMEOUT", phase]);
      assert.ok(tookMs >= 299 && tookMs < 5_000, `${tookMs} ms`);
      await check();
    });
  }

  it("counts the time of all redirects together", async (t) => {
    const server = await rawServer(t, (socket) => {
      setTimeout(() => socket.write("HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n"), 60);
    });
    const error = await connectErrorOf(connect(server.url, { maxRedirects: 20, handshakeTimeoutMs: 200 }));
    assert.equal(error.code, "HANDSHAKE_TIMEOUT");
    assert.ok(server.requests.length < 6);
  });

  it("begins nothing if the signal is aborted already", async (t) => {
    const server = await rawServer(t, (socket, head) => socket.write(switching(head)));
    const error = await connectErrorOf(connect(server.url, { signal: AbortSignal.abort("no") }));
    assert.deepEqual([error.code, error.cause], ["ABORTED", "no"]);
    assert.equal(server.requests.length, 0);
  });

  it("does nothing once the connection is open", async (t) => {
    const server = await rawServer(t, (socket, head) => socket.write(switching(head)));
    const controller = new AbortController();
    let wasOpenInHandler = false;
    const socket = await connect(server.url, {
      signal: controller.signal,
      handshakeTimeoutMs: 500,
      open: (one) => {
        controller.abort();
        wasOpenInHandler = one.state === "open";
      },
    });
    assert.equal(wasOpenInHandler, true);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(socket.state, "open");
    socket.terminate();
    await socket.closed;
  });

  it("drops a transport of the application that comes too late", async () => {
    const controller = new AbortController();
    let deliver: (stream: Duplex) => void = () => {};
    const error = connectErrorOf(
      connect("ws://127.0.0.1/", {
        signal: controller.signal,
        createConnection: () => new Promise<Duplex>((resolve) => (deliver = resolve)),
      }),
    );
    await new Promise(setImmediate);
    controller.abort();
    await error;
    const late = new PassThrough();
    deliver(late);
    await once(late, "close");
    assert.equal(late.destroyed, true);
  });

  it("survives a createConnection that fails, or gives what is closed already", async () => {
    const failure = new Error("no way");
    const failing = (): never => {
      throw failure;
    };
    for (const createConnection of [() => Promise.reject(failure), failing]) {
      const rejected = await connectErrorOf(connect("ws://a/", { createConnection }));
      assert.deepEqual([rejected.code, rejected.phase, rejected.cause], ["CONNECT_FAILED", "tcp", failure]);
    }
    const closed = new PassThrough();
    closed.destroy();
    assert.equal(
      (await connectErrorOf(connect("ws://a/", { createConnection: () => closed }))).code,
      "CONNECT_FAILED",
    );
  });

  it("tells the phase of a name that does not exist and of a port where nobody listens", async () => {
    const dnsError = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    const dns = await connectErrorOf(
      connect("ws://nobody.invalid/", {
        proxy: false,
        lookup: (_name, _options, callback) => callback(dnsError, ""),
      }),
    );
    assert.deepEqual([dns.code, dns.phase, dns.cause], ["CONNECT_FAILED", "dns", dnsError]);
    const tcp = await connectErrorOf(connect(`ws://127.0.0.1:${await freePort()}/`));
    assert.deepEqual([tcp.code, tcp.phase], ["CONNECT_FAILED", "tcp"]);
    const named = await connectErrorOf(connect(`ws://localhost:${await freePort()}/`));
    assert.deepEqual([named.code, named.phase], ["CONNECT_FAILED", "tcp"]);
    assert.match(named.message, /ECONNREFUSED/);
    const unix = await connectErrorOf(connect("ws+unix:/nowhere/to.sock:/"));
    assert.equal(unix.phase, "tcp");
  });

  it("uses a new key for each connection", async (t) => {
    const server = await rawServer(t, (socket) => socket.destroy());
    for (let i = 0; i < 5; i++) await connectErrorOf(connect(server.url));
    assert.equal(new Set(server.requests.map((head) => headerOf(head, "sec-websocket-key"))).size, 5);
  });
});
