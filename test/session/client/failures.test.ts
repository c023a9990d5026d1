import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import process from "node:process";
import { describe, it, type TestContext } from "node:test";
import { connect, type SessionOptions, type SessionState } from "hawser";
import { accept, createHub, type HubSession } from "hawser/hub";
import { serve } from "hawser/server";
import { PATIENCE_MS } from "../../support/inbox.js";
import { until } from "../../support/until.js";
import { withTimeout } from "../../support/with-timeout.js";

const QUICK = { reconnectDelayMs: 5, maxReconnectDelayMs: 20 };

async function start(t: TestContext) {
  const opened: HubSession<string>[] = [];
  const hub = createHub<string>({
    authenticate: ({ credentials }) => accept(credentials),
    open: (session) => void opened.push(session),
    message: (session, data) => void session.send(data),
  });
  const server = await serve({ routes: { "/live": hub } });
  t.after(() => server.shutdown());
  return {
    opened,
    begin: (options: SessionOptions<never>) =>
      connect(`${server.url}/live`, { ...QUICK, transports: ["websocket"], ...(options as object) }),
  };
}

/** The next warning of the process. */
async function warning(): Promise<string> {
  const [error] = (await once(process, "warning")) as [Error];
  return error.message;
}

describe("what fails at a client's session on Node", () => {
  it("is a warning of the process where nobody listens, and the session goes on", async (t) => {
    const { opened, begin } = await start(t);
    let messages = 0;
    const session = begin({
      message() {
        messages++;
        throw new Error("a handler that fails");
      },
    });
    const warned = warning();
    session.send("one");
    assert.equal(await warned, "a handler that fails");
    const second = warning();
    session.send("two");
    assert.equal(await second, "a handler that fails");
    assert.deepEqual([messages, session.state.status, opened.length], [2, "live", 1]);
    await session.close();
  });

  it("is no exception when a server asks for credentials that cannot be had: a warning, and the session goes on", async (t) => {
    const { opened, begin } = await start(t);
    let asked = 0;
    const session = begin({
      credentials() {
        if (asked++ > 0) throw new Error("no token to be had");
        return "first";
      },
    });
    await until(() => opened.length === 1, "it is there");
    const warned = warning();
    opened[0]!.askForCredentials();
    assert.equal(await warned, "no token to be had");
    assert.deepEqual([asked, opened[0]!.data, session.state.status], [2, "first", "live"]);
    await session.close();
  });

  it("is told to the error handler: credentials that failed are asked for again, until a session begins", async (t) => {
    const { opened, begin } = await start(t);
    const told: unknown[] = [];
    const states: string[] = [];
    let asked = 0;
    const session = begin({
      async credentials() {
        if (++asked < 3) throw new Error(`failure ${asked}`);
        return "third";
      },
      error: (_session, error) => void told.push((error as Error).message),
      state: (_session, state: SessionState) =>
        void states.push(state.status === "waiting" ? `waiting: ${state.reason}` : state.status),
    });
    await until(() => opened.length === 1, "it is there");
    assert.deepEqual(told, ["failure 1", "failure 2"]);
    assert.equal(opened[0]!.data, "third");
    assert.ok(states.includes("waiting: no credentials: Error: failure 1"), states.join());
    await session.close();
  });

  for (const [what, credentials] of [
    ["are too long", "x".repeat(8_193)],
    ["are neither text nor bytes", () => 7],
  ] as const) {
    it(`closes it with 4401 where credentials ${what}, and says so`, async (t) => {
      const { opened, begin } = await start(t);
      const told: unknown[] = [];
      const session = begin({
        credentials: credentials as string,
        error: (_session, error) => void told.push((error as { code?: unknown }).code),
      });
      await until(() => session.state.status === "closed", "it is closed");
      const reason = "credentials are text or bytes, 8,192 bytes at most";
      assert.deepEqual(session.state, { status: "closed", code: 4401, reason });
      assert.deepEqual(told, ["INVALID_OPTION"]);
      assert.equal(opened.length, 0);
    });
  }
});

describe("an attempt of a client's session on Node that is given up", () => {
  it("leaves no connection behind whose handshake was never answered", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const accepted = once(server, "connection");
    const { port } = server.address() as AddressInfo;
    const session = connect(`ws://127.0.0.1:${port}/live`, {
      transports: ["websocket"],
      dial: { handshakeTimeoutMs: 0 }, // which would end it as well
    });
    const [socket] = (await accepted) as [Socket];
    socket.on("error", () => {});
    const gone = once(socket, "close");
    await once(socket, "data");
    await session.close();
    try {
      await withTimeout(gone, PATIENCE_MS, "the connection is closed");
    } finally {
      socket.destroy();
      server.close();
    }
  });
});
