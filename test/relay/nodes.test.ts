import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { createHub, type Hub, type HubOptions } from "hawser/hub";
import { type ListeningServer, memoryBroker, serve } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { RoundRobin } from "../support/session/round-robin.js";
import { DIALERS, TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";

interface Cluster {
  readonly hubs: readonly Hub<unknown>[];
  readonly servers: readonly ListeningServer[];
  readonly balancer: RoundRobin;
  readonly url: string;
  close(): Promise<void>;
}

/** Some nodes behind a balancer that is not sticky. */
async function clusterOf(count: number, options: HubOptions<never>): Promise<Cluster> {
  const broker = memoryBroker();
  const hubs = Array.from({ length: count }, () => createHub({ broker, ...options } as HubOptions<unknown>));
  const servers = await Promise.all(hubs.map((hub) => serve({ routes: { "/live": hub } })));
  const balancer = await RoundRobin.open(servers.map(({ port }) => port));
  return {
    hubs,
    servers,
    balancer,
    url: `${balancer.url}/live`,
    async close() {
      await Promise.all(servers.map((server) => server.shutdown({ drainTimeoutMs: 500 })));
      await balancer.close();
      broker.close();
    },
  };
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

describe("sessions over several nodes and a balancer that is not sticky", () => {
  after(leakCheck());

  for (const via of DIALERS.keys()) {
    it(`loses, doubles and reorders nothing when every connection leads to another node: ${via}`, async () => {
      const received: string[] = [];
      const nodes = await clusterOf(3, {
        message: (_session, data) => void received.push(String(data)),
      });
      const client = await TestSession.open(nodes.url, { via, reconnectDelayMs: 1 });
      const owner = nodes.hubs.find(({ sessions }) => sessions.size > 0)!;
      const [session] = owner.sessions.values();
      for (const [i, number] of numbers(90).entries()) {
        client.send(number);
        session!.send(number);
        if (i % 20 === 10) {
          await until(() => received.length > i - 5, "some came");
          const { resumed } = owner.counts;
          client.cut();
          await until(() => client.state === "suspended" || owner.counts.resumed > resumed, "it was noticed");
        }
      }
      await client.messages(90);
      await until(() => received.length >= 90, "all came");
      assert.deepEqual(client.received, numbers(90));
      assert.deepEqual(received, numbers(90));
      assert.equal(client.end, undefined);
      const opened = nodes.hubs.map(({ counts }) => counts.opened);
      assert.equal(
        opened.reduce((sum, count) => sum + count),
        1,
        `${opened}`,
      );
      assert.ok(owner.counts.relays.relayed > 0, "it was at another node");
      assert.equal(nodes.balancer.given.size, 3);
      const end = await client.close();
      assert.deepEqual([end.code, end.isReset], [4400, false]);
      await nodes.close();
    });
  }
});
