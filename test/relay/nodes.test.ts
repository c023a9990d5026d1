import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { connect, type TransportName } from "hawser";
import { accept, type HubAttempt, type HubOptions, refuse } from "hawser/hub";
import { type Broker, memoryBroker } from "hawser/server";
import { SeededRandom } from "#testbed/seeded-random.js";
import { leakCheck } from "../support/leak-check.js";
import { DIALERS, TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";
import { RelayCluster } from "./relay-cluster.js";
import { numbers, talk } from "./talk.js";

describe("sessions over several nodes and a balancer that is not sticky", () => {
  after(leakCheck());

  for (const via of DIALERS.keys()) {
    it(`lose, double and reorder nothing: ${via}`, async () => {
      const received: string[] = [];
      const nodes = await RelayCluster.open(3, {
        message: (_session, data) => void received.push(String(data)),
      });
      const client = await TestSession.open(nodes.url, { via, reconnectDelayMs: 1 });
      await talk(client, nodes, received, 4, new SeededRandom(1));
      assert.equal(client.end, undefined);
      assert.deepEqual([nodes.opened, nodes.balancer.given.size], [1, 3]);
      const relays = nodes.hubs.map(({ counts }) => counts.relays.relayed + counts.relays.requests);
      assert.ok(Math.max(...relays) > 0 && nodes.owner.counts.resumed >= 4, `${relays} relayed`);
      // By its turns a balancer may lead every first request to the owner, but not the others.
      if (via === "websocket") assert.ok(nodes.owner.counts.relays.relayed > 0);
      if (via.endsWith("polling")) assert.ok(nodes.hubs.some(({ counts }) => counts.relays.requests > 0));
      const end = await client.close();
      assert.deepEqual([end.code, end.isReset], [4400, false]);
      await nodes.close();
    });

    it(`lose, double and reorder nothing with the client of hawser: ${via}`, async () => {
      const received: string[] = [];
      const resets: number[] = [];
      const nodes = await RelayCluster.open(2, {
        message: (_session, data) => void received.push(String(data)),
      });
      const client = { received: [] as unknown[], send: (text: string) => session.send(text) };
      const session = connect(nodes.url, {
        transports: [via],
        message: (_session, data) => void client.received.push(data),
        reset: (_session, { code }) => void resets.push(code),
      });
      await talk(client, nodes, received, 2, new SeededRandom(2));
      assert.deepEqual([resets, nodes.opened], [[], 1]);
      await session.close();
      await nodes.close();
    });
  }

  it("move between all ways, each over another node", async () => {
    const received: string[] = [];
    const nodes = await RelayCluster.open(3, {
      message: (_session, data) => void received.push(String(data)),
    });
    const client = await TestSession.open(nodes.url);
    const [session] = nodes.owner.sessions.values();
    let count = 0;
    for (const via of ["long-polling", "sse", "websocket", "polling", "stream", "websocket"] as const) {
      const moved = client.moveTo(via);
      for (let i = 0; i < 20; i++, count++) {
        client.send(String(count));
        session!.send(String(count));
        if (i % 5 === 0) await new Promise(setImmediate);
      }
      await moved;
      await until(() => session!.transport === via, `the server uses ${via}`);
    }
    await client.messages(count);
    await until(() => received.length >= count, "all came");
    assert.deepEqual([client.received, received], [numbers(count), numbers(count)]);
    assert.deepEqual([nodes.opened, client.states.filter((state) => state === "suspended").length], [1, 0]);
    assert.equal(
      nodes.hubs.reduce((sum, { counts }) => sum + (counts.transports.sse ?? 0), 0),
      1,
    );
    await client.close();
    await nodes.close();
  });

  it("are one session when the race of the first transports leads to several nodes", async () => {
    let judged = 0;
    let judge = (): void => {};
    let asked = 0;
    const inner = memoryBroker();
    const broker: Broker = {
      ...inner,
      publish(topic, bytes) {
        asked++;
        return inner.publish(topic, bytes);
      },
    };
    const options: HubOptions<unknown> = {
      async authenticate() {
        judged++;
        await new Promise<void>((resolve) => {
          judge = resolve;
        });
        return accept(undefined);
      },
    };
    const nodes = await RelayCluster.open(3, options, broker);
    const client = TestSession.begin(nodes.urlOf(0));
    await until(() => judged === 1, "the first one is being judged");
    // Before the first was welcomed a second one asks, at another node: nobody said what the owner is called.
    assert.equal(asked, 0);
    await client.probe(nodes.urlOf(1), "stream");
    await until(() => asked > 0, "the other nodes are asked");
    judge();
    await client.isLive();
    await until(() => nodes.hubs[0]!.counts.relays.relayed === 1, "the second one found it");
    assert.deepEqual([judged, nodes.opened], [1, 1]);
    await client.close();
    await nodes.close();
  });

  it("begin at the node that was asked where nobody knows of them", async () => {
    const nodes = await RelayCluster.open(2);
    const client = TestSession.begin(nodes.urlOf(0));
    await client.isLive();
    client.giveUp();
    const late = await TestSession.open(nodes.urlOf(1));
    assert.deepEqual([nodes.opened, late.state], [2, "live"]);
    await late.close();
    await nodes.close();
  });

  it("are told who they are once, where they began; new credentials go there", async () => {
    const attempts: (readonly [node: number, credentials: string, address: string, isNew: boolean])[] = [];
    const nodes = await RelayCluster.open(2, (node) => ({
      authenticate({ credentials, request, session }: HubAttempt) {
        attempts.push([node, credentials, request.remoteAddress, session === undefined]);
        return credentials === "bad" ? refuse(401) : accept(credentials);
      },
    }));
    const client = await TestSession.open(nodes.urlOf(1), { credentials: "one" });
    client.url = nodes.urlOf(0);
    client.cut();
    await until(() => nodes.hubs[0]!.counts.relays.gates === 1, "it came back over the other node");
    client.renew("two");
    await until(() => [...nodes.owner.sessions.values()][0]!.data === "two", "they were judged");
    client.renew("bad");
    assert.equal((await client.ended()).code, 4401);
    assert.deepEqual(attempts, [
      [1, "one", "127.0.0.1", true],
      [1, "two", "127.0.0.1", false],
      [1, "bad", "127.0.0.1", false],
    ]);
    await nodes.close();
  });

  it("are nobody else's: a token that is not theirs is refused over every node", async () => {
    const nodes = await RelayCluster.open(2);
    const client = await TestSession.open(nodes.urlOf(1));
    const thief = await TestSession.open(nodes.urlOf(0));
    const { machine } = client as unknown as { machine: { id: Uint8Array; token: Uint8Array } };
    const other = (thief as unknown as { machine: { id: Uint8Array; token: Uint8Array } }).machine;
    other.id.set(machine.id); // the id is no secret, and who has the session is none either
    thief.cut();
    const end = await thief.ended();
    assert.ok([4200, 4204].includes(end.code), `${end.code}`);
    assert.equal(client.state, "live");
    await client.close();
    await nodes.close();
  });

  for (const via of ["websocket", "long-polling"] as const) {
    it(`go on when the gate shuts down, and nothing is lost: ${via}`, async () => {
      const received: string[] = [];
      const nodes = await RelayCluster.open(2, {
        message: (_session, data) => void received.push(String(data)),
      });
      const client = await TestSession.open(nodes.urlOf(0), { via });
      const [session] = nodes.owner.sessions.values();
      client.url = nodes.urlOf(1);
      client.cut();
      await until(() => nodes.hubs[1]!.counts.relays.gates === 1, "it came back over the other node");
      client.send("before");
      client.url = nodes.url;
      nodes.balancer.ports.pop();
      await nodes.hubs[1]!.shutdown({ notBeforeMs: 0, spreadMs: 10 });
      client.send("after");
      session!.send("answer");
      await client.messages(1);
      await until(() => received.length === 2, "all came");
      assert.deepEqual([received, client.received, client.end], [["before", "after"], ["answer"], undefined]);
      assert.equal(nodes.hubs[1]!.counts.relays.gates, 0);
      await client.close();
      await nodes.close();
    });

    it(`are reset with ownerLost, and told what was not confirmed, when their node shuts down: ${via}`, async () => {
      const nodes = await RelayCluster.open(2);
      const client = await TestSession.open(nodes.urlOf(0), { via, reconnectDelayMs: 1 });
      client.url = nodes.urlOf(1);
      client.cut();
      await until(() => nodes.hubs[1]!.counts.relays.gates === 1, "it came back over the other node");
      const startedMs = performance.now();
      const down = nodes.servers[0]!.shutdown({ drainTimeoutMs: 1_000 });
      await until(() => client.codes.length > 0 || client.end !== undefined, "it was sent away");
      await down;
      client.send("lost");
      client.retryNow();
      const end = await client.ended();
      assert.deepEqual(
        [end.code, end.isReset, end.unconfirmed.map(({ data }) => data)],
        [4202, true, ["lost"]],
      );
      assert.ok(performance.now() - startedMs < 20_000);
      await nodes.close();
    });
  }

  it("wait for a broker that is silent, and are not reset", async () => {
    let isDown = false;
    const inner = memoryBroker();
    const broker: Broker = {
      ...inner,
      publish: (topic, bytes) =>
        isDown ? Promise.reject(new Error("no connection")) : inner.publish(topic, bytes),
    };
    process.once("warning", () => {}); // it is told once
    const nodes = await RelayCluster.open(2, { relayTimeoutMs: 300 }, broker);
    const client = await TestSession.open(nodes.urlOf(0), { reconnectDelayMs: 1 });
    client.url = nodes.urlOf(1);
    isDown = true;
    client.cut();
    await until(() => client.codes.includes(4005), "it is to come back later");
    isDown = false;
    client.retryNow();
    await until(() => client.state === "live", "it is back");
    assert.deepEqual([client.end, nodes.opened, nodes.owner.counts.resumed], [undefined, 1, 1]);
    await client.close();
    await nodes.close();
  });

  for (const via of ["websocket", "stream", "long-polling"] as const satisfies readonly TransportName[]) {
    it(`lose nothing over a broker that loses, doubles and swaps: ${via}`, async () => {
      const random = new SeededRandom(7);
      const received: string[] = [];
      const inner = memoryBroker();
      const waiting: (() => void)[] = [];
      const broker: Broker = {
        ...inner,
        publish(topic, bytes) {
          if (random.chance(0.05)) return;
          const go = (): void => void inner.publish(topic, bytes);
          if (random.chance(0.03)) waiting.push(go);
          else go();
          if (random.chance(0.03)) go();
          while (waiting.length > random.integer(0, 3)) waiting.shift()!();
        },
      };
      const nodes = await RelayCluster.open(
        2,
        { message: (_session, data) => void received.push(String(data)) },
        broker,
      );
      const client = await TestSession.open(nodes.urlOf(0), {
        via,
        reconnectDelayMs: 1,
        pingIntervalMs: 300,
        pongTimeoutMs: 300,
        attachTimeoutMs: 2_000,
      });
      const [session] = nodes.owner.sessions.values();
      client.url = nodes.urlOf(1);
      client.cut();
      for (const number of numbers(150)) {
        client.send(number);
        session!.send(number);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await until(() => received.length >= 150 && client.received.length >= 150, "all came");
      assert.deepEqual([client.received, received, client.end], [numbers(150), numbers(150), undefined]);
      assert.ok(nodes.owner.counts.relays.relayed > 0);
      await client.close();
      await nodes.close();
    });
  }

  it("hold back who sends more than can be on its way, through the relay", async () => {
    const nodes = await RelayCluster.open(2);
    const client = await TestSession.open(nodes.urlOf(0), { windowBytes: 8_000_000 });
    const [session] = nodes.owner.sessions.values();
    client.url = nodes.urlOf(1);
    client.cut();
    await until(() => nodes.hubs[1]!.counts.relays.gates === 1, "it came back over the other node");
    const big = "x".repeat(200_000);
    let sent = 0;
    while (session!.send(`${sent}${big}`) === "sent") sent++;
    assert.ok(sent < 20, `${sent} messages: what is on its way has a bound`);
    for (let left = 20; left > 0; left--) {
      await session!.ready();
      session!.send(`${++sent}${big}`);
    }
    await until(() => client.received.length > sent, "all came");
    assert.deepEqual(
      client.received.map((text) => Number.parseInt(String(text), 10)),
      Array.from({ length: sent + 1 }, (_, i) => i),
    );
    await client.close();
    await nodes.close();
  });

  it("are kept apart by the topic and by the key", async () => {
    const broker = memoryBroker();
    const key = "a secret of sixteen bytes";
    const nodes = await RelayCluster.open(
      3,
      (node) => ({ brokerKey: node === 2 ? `${key}!` : key, relayTimeoutMs: 200 }),
      broker,
    );
    const client = await TestSession.open(nodes.urlOf(0), { reconnectDelayMs: 1 });
    client.url = nodes.urlOf(1);
    client.cut();
    await until(() => nodes.hubs[1]!.counts.relays.gates === 1, "who has the key finds it");
    client.url = nodes.urlOf(2);
    client.cut();
    assert.equal((await client.ended()).code, 4202);
    assert.ok(nodes.hubs[0]!.counts.relays.malformed > 0);
    await nodes.close();
  });
});
