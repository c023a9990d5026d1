import { createHub, type Hub, type HubOptions } from "hawser/hub";
import { type Broker, type ListeningServer, memoryBroker, serve } from "hawser/server";
import { RoundRobin } from "../support/session/round-robin.js";

/** Some nodes in this process, each with a port of its own, behind a balancer that is not sticky. */
export class RelayCluster {
  readonly hubs: readonly Hub<unknown>[];
  readonly servers: readonly ListeningServer[];
  readonly balancer: RoundRobin;

  private constructor(
    hubs: readonly Hub<unknown>[],
    servers: readonly ListeningServer[],
    balancer: RoundRobin,
  ) {
    this.hubs = hubs;
    this.servers = servers;
    this.balancer = balancer;
  }

  /** @param options of each hub, by its number. */
  static async open(
    count: number,
    options: HubOptions<unknown> | ((node: number) => HubOptions<unknown>) = {},
    broker: Broker = memoryBroker(),
  ): Promise<RelayCluster> {
    const hubs = Array.from({ length: count }, (_, node) =>
      createHub({
        broker,
        ...(typeof options === "function" ? options(node) : options),
      }),
    );
    const servers = await Promise.all(hubs.map((hub) => serve({ routes: { "/live": hub } })));
    return new RelayCluster(hubs, servers, await RoundRobin.open(servers.map(({ port }) => port)));
  }

  get url(): string {
    return `${this.balancer.url}/live`;
  }

  /** The URL of one node, past the balancer. */
  urlOf(node: number): string {
    return `${this.servers[node]!.url}/live`;
  }

  /** The node that has the session. There is but one. */
  get owner(): Hub<unknown> {
    return this.hubs.find(({ sessions }) => sessions.size > 0)!;
  }

  /** How many sessions began at all nodes. */
  get opened(): number {
    return this.hubs.reduce((sum, { counts }) => sum + counts.opened, 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.shutdown({ drainTimeoutMs: 200 })));
    await this.balancer.close();
  }
}
