import assert from "node:assert/strict";
import type { LookupFunction } from "node:net";
import { it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectSession } from "hawser";
import { type ConnectOptions, connect } from "hawser/client";
import { createHub } from "hawser/hub";
import { serve } from "hawser/server";
import { connectErrorOf } from "../client/connect-error.js";
import { Inbox, PATIENCE_MS } from "../support/inbox.js";
import { until } from "../support/until.js";
import { Backend } from "./backend.js";
import { freeLowPort } from "./free-low-port.js";
import { CLIENT } from "./way.js";

/** A reverse proxy with the plain configuration of its how-to: one front without TLS, two backends. */
export interface StartedProxy {
  readonly port: number;
  /** Has it take another configuration, with these backends. */
  reload(backendPorts: readonly [number, number]): Promise<void>;
  end(): Promise<void>;
  /** What it printed. */
  said(): string;
}

export interface ProxyVariant {
  readonly backendPorts: readonly [number, number];
  /** Other texts for some of the configuration. */
  readonly replacements?: Readonly<Record<string, string>>;
}

export interface ProxyUnderTest {
  start(variant: ProxyVariant): Promise<StartedProxy>;
  /** What makes its time for quiet connections a second. */
  readonly shortTimeouts: Readonly<Record<string, string>>;
  /** What has it send another `Host` than the client did. */
  readonly otherHost: Readonly<Record<string, string>>;
  /** What leads all requests of a session to one backend. */
  readonly sessions: Readonly<Record<string, string>>;
}

const toLoopback: LookupFunction = (_name, options, callback) =>
  options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);

const byRealIp: Parameters<typeof Backend.start>[1] = {
  clientAddress: (request) => request.headers.get("x-real-ip") ?? "",
};

/** Tests what a reverse proxy does besides carrying bytes. */
export function behavesAsAProxy(proxy: ProxyUnderTest): void {
  async function start(
    t: TestContext,
    backends: readonly [Backend, Backend],
    replacements?: ProxyVariant["replacements"],
  ): Promise<StartedProxy> {
    const started = await proxy.start({
      backendPorts: [backends[0].server.port, backends[1].server.port],
      ...(replacements && { replacements }),
    });
    t.after(() => started.end());
    return started;
  }

  async function backend(t: TestContext, name: string, options: typeof byRealIp = {}): Promise<Backend> {
    const made = await Backend.start(name, { ...byRealIp, ...options });
    t.after(() => made.end());
    return made;
  }

  for (const transport of ["websocket", "stream", "sse", "long-polling", "polling"] as const) {
    it(`leads a session to its process by its id: ${transport}`, async (t) => {
      const echo = () => createHub({ message: (session, data) => void session.send(data) });
      const servers = await Promise.all([0, 1].map(() => serve({ routes: { "/live": echo() } })));
      for (const server of servers) t.after(() => server.shutdown({ drainTimeoutMs: 100 }));
      const [first, second] = servers.map(({ port }) => port) as [number, number];
      const started = await proxy.start({ backendPorts: [first, second], replacements: proxy.sessions });
      t.after(() => started.end());
      // By chance one session would meet the same process each time; four would not.
      for (let i = 0; i < 4; i++) {
        const answers = new Inbox<string | Uint8Array>("answer");
        const session = connectSession(`ws://127.0.0.1:${started.port}/live`, {
          transports: [transport],
          message: (_session, data) => answers.push(data),
          reset: (_session, { reason }) => answers.push(`reset: ${reason}`),
        });
        for (const text of ["one", "two", "three"]) {
          session.send(text);
          assert.equal(await answers.next(), text);
        }
        assert.equal((await session.close()).isReset, false);
      }
    });
  }

  it("tells the client's address, whatever the client says, and limits hold for each", async (t) => {
    const only = await backend(t, "a", { maxConnectionsPerAddress: 1 });
    const { port } = await start(t, [only, only]);
    const url = `ws://127.0.0.1:${port}`;
    const headers = { "X-Real-IP": "192.0.2.1", "X-Forwarded-For": "192.0.2.2", Forwarded: "for=192.0.2.3" };
    const first = await connect(url, { localAddress: CLIENT, headers });
    assert.equal((await only.sockets.next()).request.remoteAddress, CLIENT);
    const second = await connect(url, { localAddress: "127.0.0.6" });
    const error = await connectErrorOf(connect(url, { localAddress: CLIENT, headers }));
    assert.equal(error.status, 429);
    assert.equal(await only.refused.next(), `TOO_MANY_CONNECTIONS ${CLIENT}`);
    await Promise.all([first.close(), second.close()]);
  });

  it("passes Host on, so that pages of the same origin may connect and others not", async (t) => {
    const only = await backend(t, "a");
    const { port } = await start(t, [only, only]);
    const url = `ws://chat.example:${port}`;
    const from = (origin: string): ConnectOptions => ({ origin, lookup: toLoopback, proxy: false });
    await (await connect(url, from(`https://chat.example:${port}`))).close();
    assert.equal((await connectErrorOf(connect(url, from("https://evil.example")))).status, 403);
  });

  it("needs a list of origins where it sends another Host", async (t) => {
    const strict = await backend(t, "a");
    const listed = await backend(t, "b", { origins: ["https://chat.example"] });
    const options = { origin: "https://chat.example", lookup: toLoopback, proxy: false } as const;
    const toStrict = await start(t, [strict, strict], proxy.otherHost);
    const error = await connectErrorOf(connect(`ws://chat.example:${toStrict.port}`, options));
    assert.equal(error.status, 403);
    assert.match(await strict.refused.next(), /^ORIGIN_NOT_ALLOWED/);
    const toListed = await start(t, [listed, listed], proxy.otherHost);
    await (await connect(`ws://chat.example:${toListed.port}`, options)).close();
  });

  it("ends a quiet connection, but none with heartbeats", async (t) => {
    const only = await backend(t, "a");
    const { port } = await start(t, [only, only], proxy.shortTimeouts);
    const messages = new Inbox<string | Buffer>("message");
    const options: ConnectOptions = {
      pingIntervalMs: 0,
      idleTimeoutMs: 0,
      message: (_socket, data) => messages.push(data),
    };
    const alive = await connect(`ws://127.0.0.1:${port}/`, options);
    const quiet = await connect(`ws://127.0.0.1:${port}/quiet`, options);
    const [{ code }, atServer] = await Promise.all([quiet.closed, only.closes.next()]);
    assert.deepEqual([code, atServer.code], [1006, 1006]);
    // It is older than the one that is gone.
    alive.send("still here");
    assert.equal(await messages.next(), "still here");
    await alive.close();
  });

  it("takes another configuration without a connection noticing", async (t) => {
    const [before, later] = [await backend(t, "before"), await backend(t, "later")];
    const started = await start(t, [before, before]);
    const url = `ws://127.0.0.1:${started.port}`;
    const messages = new Inbox<string | Buffer>("message");
    const old = await connect(url, { message: (_socket, data) => messages.push(data) });
    await started.reload([later.server.port, later.server.port]);
    const givesUpAt = performance.now() + PATIENCE_MS;
    // Nobody is refused meanwhile, or this throws.
    while ((await nameAt(url)) !== "later") {
      assert.ok(performance.now() < givesUpAt, `it never takes it: ${started.said()}`);
      await delay(20);
    }
    old.send("as if nothing had happened");
    assert.equal(await messages.next(), "as if nothing had happened");
    assert.equal((await old.close(4002)).code, 4002);
  });

  it("takes clients to the other backend when one restarts, and back", async (t) => {
    const ports = [await freeLowPort(), await freeLowPort()] as const;
    const names = ["a", "b"] as const;
    const backends = await Promise.all(
      ports.map((port, i) => Backend.start(names[i]!, { ...byRealIp, port })),
    );
    t.after(() => Promise.all(backends.map((one) => one.end())));
    const started = await proxy.start({ backendPorts: ports });
    t.after(() => started.end());
    const url = `ws://127.0.0.1:${started.port}/name`;

    const clients = Array.from({ length: 6 }, () => new Returning(url));
    t.after(() => Promise.all(clients.map((client) => client.end())));
    const allAt = (name: string): boolean => clients.every((client) => client.at === name);
    await until(() => clients.every((client) => client.at !== ""), "all are connected");
    assert.deepEqual(new Set(clients.map((client) => client.at)), new Set(names));
    for (const [going, staying] of [
      [0, 1],
      [1, 0],
    ] as const) {
      await backends[going]!.server.shutdown();
      await until(() => allAt(names[staying]), `all are at ${names[staying]}`);
      backends[going] = await Backend.start(names[going], { ...byRealIp, port: ports[going] });
    }
    // Nobody was refused, and nobody was cut off.
    const seen = new Set(clients.flatMap((client) => client.ends));
    assert.deepEqual(seen, new Set(["1001"]));
  });
}

async function nameAt(url: string): Promise<string> {
  const socket = await connect(`${url}/name`);
  let name = "";
  for await (const message of socket) {
    name = String(message);
    break;
  }
  await socket.close();
  return name;
}

/** A client that connects again when its server goes. */
class Returning {
  /** Where it is; empty when nowhere. */
  at = "";
  /** The close codes, and the errors of what did not come to a connection. */
  readonly ends: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(url: string) {
    this.#running = this.#run(url);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(url: string): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const socket = await connect(url, { signal });
        const close = (): void => void socket.close();
        signal.addEventListener("abort", close);
        for await (const message of socket) this.at = String(message);
        signal.removeEventListener("abort", close);
        this.at = "";
        if (!signal.aborted) this.ends.push(String((await socket.closed).code));
      } catch (error) {
        if (!signal.aborted) this.ends.push(String(error));
        await delay(20);
      }
    }
  }
}
