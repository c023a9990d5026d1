import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { createHub, type HubOptions } from "hawser/hub";
import { memoryBroker, UsageError } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { ask } from "../support/session/ask.js";
import { RawTransport } from "../support/session/raw-transport.js";
import { TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";
import { RelayCluster } from "./relay-cluster.js";

describe("what a node lets through to others", () => {
  after(leakCheck());

  it("is limited by the address that has others asked", async () => {
    const nodes = await RelayCluster.open(2, { maxOpensPerSecond: 1, relayTimeoutMs: 200 });
    const client = await TestSession.open(nodes.urlOf(0), { reconnectDelayMs: 1 });
    client.url = nodes.urlOf(1);
    for (let i = 0; i < 50 && !client.codes.includes(4005); i++) {
      client.cut();
      await until(() => client.state === "suspended", "it was cut");
      await until(() => client.state === "live" || client.codes.includes(4005), "it is back, or too often");
    }
    assert.ok(client.codes.includes(4005), `${client.codes}`);
    assert.equal(client.end, undefined, "it may come back later");
    const { refused } = nodes.hubs[1]!.counts;
    assert.equal(refused["tryAgainLater"], 1);
    client.giveUp();
    await nodes.close();
  });

  it("is limited in how many transports it relays", async () => {
    const nodes = await RelayCluster.open(2, (node) => ({ maxSessions: node === 0 ? 3 : 1 })); // two transports
    const clients: TestSession[] = [];
    for (let i = 0; i < 3; i++) {
      const client = await TestSession.open(nodes.urlOf(0), { reconnectDelayMs: 1 });
      clients.push(client);
      client.url = nodes.urlOf(1);
      client.cut();
      if (i < 2)
        await until(() => nodes.hubs[1]!.counts.relays.gates === i + 1, "it came back over the other node");
    }
    const [first, , third] = clients;
    await until(() => third!.codes.includes(4005), "a third one has no room");
    assert.deepEqual([nodes.hubs[1]!.counts.relays.gates, nodes.hubs[0]!.counts.relays.served], [2, 2]);
    await first!.close();
    await until(() => nodes.hubs[1]!.counts.relays.gates === 1, "and there is room again");
    third!.retryNow();
    await until(() => third!.state === "live", "for the one that waited");
    for (const client of clients) client.giveUp();
    await nodes.close();
  });

  it("is judged by the origin where it comes to, and asked of nobody before", async () => {
    const nodes = await RelayCluster.open(2);
    const raw = new RawTransport(nodes.urlOf(1));
    const foreign = await ask(raw.url, {
      headers: { origin: "https://evil.example" },
      body: Buffer.alloc(30, 2),
    });
    assert.deepEqual([foreign.status, nodes.hubs[1]!.counts.relays.requests], [403, 0]);
    await nodes.close();
  });

  it("is 410 where no node has the transport, 503 where an address asks for too many, 504 without a broker", async () => {
    const broker = memoryBroker();
    let isDown = false;
    const nodes = await RelayCluster.open(
      2,
      { relayTimeoutMs: 150, maxOpensPerSecond: 1.5 },
      { ...broker, publish: (topic, bytes) => (isDown ? undefined : broker.publish(topic, bytes)) },
    );
    const poll = async (): Promise<number> => (await new RawTransport(nodes.urlOf(0)).down(0, 1)).status;
    assert.equal(await poll(), 410);
    isDown = true;
    assert.equal(await poll(), 504);
    const statuses = await Promise.all(Array.from({ length: 6 }, poll));
    assert.deepEqual([...new Set(statuses)].sort(), [503, 504], `${statuses}`);
    await nodes.close();
  });

  it("comes by frameworks that route by themselves, too", async () => {
    const broker = memoryBroker();
    const received: string[] = [];
    const hubs = [1, 2].map(() =>
      createHub({
        broker,
        message(session, data) {
          received.push(String(data));
          session.send("heard");
        },
      }),
    );
    let turn = 0;
    const http = createHttpServer((incoming, response) =>
      hubs[turn++ % 2]!.handleRequest(incoming, response),
    );
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/live`;
    const client = await TestSession.open(url, { via: "long-polling" });
    for (let i = 0; i < 5; i++) {
      client.send(String(i));
      await client.messages(i + 1);
    }
    assert.deepEqual(received, ["0", "1", "2", "3", "4"]);
    await client.close();
    await Promise.all(hubs.map((hub) => hub.shutdown({ drainTimeoutMs: 100 })));
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  it("has options that are checked", () => {
    const wrong: HubOptions[] = [
      { broker: {} as never },
      { broker: memoryBroker(), brokerTopic: "" },
      { broker: memoryBroker(), brokerKey: "short" },
      { broker: memoryBroker(), relayTimeoutMs: 0 },
      { broker: memoryBroker(), relayTimeoutMs: Infinity },
    ];
    for (const options of wrong)
      assert.throws(
        () => createHub(options),
        (error) => error instanceof UsageError && error.code === "INVALID_OPTION",
      );
    const { counts } = createHub({});
    assert.deepEqual(counts.relays, { gates: 0, served: 0, relayed: 0, lost: 0, requests: 0, malformed: 0 });
  });
});
