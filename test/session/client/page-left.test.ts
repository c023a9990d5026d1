import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TransportName } from "hawser";
import { WebSocket } from "hawser/client";
import { createHub, type Hub, type HubOptions } from "hawser/hub";
import { type ListeningServer, memoryBroker, serve } from "hawser/server";
import { Session } from "#session/client/session.js";
import { transportRace } from "#session/client/transport-race.js";
import type { HostChange } from "#session/client-host-port.js";
import type { TransportDialer } from "#session/transport-port.js";
import { browserHost } from "#web/browser-host.js";
import { httpDialer } from "#web/http-dialer.js";
import { webSocketDialer } from "#web/websocket-dialer.js";
import { until } from "../../support/until.js";

interface Node {
  readonly server: ListeningServer;
  readonly hub: Hub;
  readonly events: string[];
}

async function start(options: HubOptions = {}): Promise<Node> {
  const events: string[] = [];
  const hub = createHub({
    ...options,
    open: () => void events.push("open"),
    suspended: () => void events.push("suspended"),
    resumed: () => void events.push("resumed"),
    reset: (_session, { code, reason }) => void events.push(`reset ${code} ${reason}`),
  });
  return { server: await serve({ port: 0, host: "127.0.0.1", routes: { "/live": hub } }), hub, events };
}

/** A session as a page has it, and what tells it that the page is left. */
function page(dialers: readonly TransportDialer[]): { session: Session; leave: () => void } {
  let tell: ((change: HostChange) => void) | undefined;
  const host = {
    ...browserHost,
    watch(listener: (change: HostChange) => void) {
      tell = listener;
      return () => {};
    },
  };
  const memory = { recall: () => undefined, remember() {} };
  const session = new Session(transportRace(dialers, host, memory), host, { reconnectDelayMs: 60_000 });
  return { session, leave: () => tell!("unload") };
}

describe("a page that is left while nothing carries its session", () => {
  const LEFT = "reset 4400 the page was left";
  const webSocket = ({ server }: Node): TransportDialer =>
    webSocketDialer(`${server.url}/live`, WebSocket as unknown as typeof globalThis.WebSocket);
  const http = (name: Exclude<TransportName, "websocket">, { server }: Node): TransportDialer =>
    httpDialer(name, `${server.url.replace("ws:", "http:")}/live`, "omit");

  for (const name of ["stream", "sse", "long-polling", "polling"] as const) {
    it(`says so in one request: ${name}`, async () => {
      const node = await start();
      const { session, leave } = page([webSocket(node), http(name, node)]);
      await until(() => session.state.status === "live", "it is live");
      for (const socket of node.server.connections) socket.terminate();
      await until(() => session.state.status !== "live", "it is not live any more");
      leave();
      await until(() => node.events.includes(LEFT), "the server knows");
      assert.deepEqual(node.events, ["open", "suspended", "resumed", LEFT]);
      assert.equal(node.hub.sessions.size, 0);
      assert.equal(session.state.status, "closed");
      await node.server.shutdown({ drainTimeoutMs: 0 });
    });
  }

  it("says so by way of another node", async () => {
    const broker = memoryBroker();
    const [one, other] = [await start({ broker }), await start({ broker })];
    const { session, leave } = page([webSocket(one), http("polling", other)]);
    await until(() => session.state.status === "live", "it is live");
    for (const socket of one.server.connections) socket.terminate();
    await until(() => session.state.status !== "live", "it is not live any more");
    leave();
    await until(() => one.events.includes(LEFT), "the owner knows");
    assert.deepEqual(other.events, []);
    for (const { server } of [one, other]) await server.shutdown({ drainTimeoutMs: 0 });
  });

  it("says nothing where there is no way, or was no session", async () => {
    const node = await start();
    const only = page([webSocket(node)]);
    await until(() => only.session.state.status === "live", "it is live");
    for (const socket of node.server.connections) socket.terminate();
    await until(() => only.session.state.status !== "live", "it is not live any more");
    only.leave();
    const never = page([http("polling", node)]);
    never.leave();
    await until(() => node.events.includes("suspended"), "the server noticed");
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(node.events, ["open", "suspended"]);
    await node.server.shutdown({ drainTimeoutMs: 0 });
  });
});
