import assert from "node:assert/strict";
import type { SeededRandom } from "#testbed/seeded-random.js";
import { until } from "../support/until.js";
import type { RelayCluster } from "./relay-cluster.js";

/** What {@link talk} says. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

/** Messages go to and fro while every connection is broken now and then; each has to come, once and in order. */
export async function talk(
  client: { send(text: string): unknown; received: unknown[] },
  nodes: RelayCluster,
  received: unknown[],
  cuts: number,
  random: SeededRandom,
): Promise<void> {
  const count = 30 * (cuts + 1);
  await until(() => nodes.owner !== undefined, "a node has the session");
  const [session] = nodes.owner.sessions.values();
  for (const [i, number] of numbers(count).entries()) {
    client.send(number);
    session!.send(number);
    if (random.chance(0.3)) await new Promise(setImmediate);
    if (i % 30 !== 20) continue;
    await until(() => received.length > i - random.integer(1, 10), "some came");
    await until(() => nodes.balancer.isCarrying, "there is something to cut");
    nodes.balancer.cut();
  }
  await until(() => received.length >= count && client.received.length >= count, "all came");
  assert.deepEqual(client.received, numbers(count));
  assert.deepEqual(received, numbers(count));
}
