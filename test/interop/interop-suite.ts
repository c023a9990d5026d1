import { after, before, describe, it } from "node:test";
import { withTimeout } from "../support/with-timeout.js";
import type { EndOptions, Peer } from "./peer.js";
import { hawser } from "./peers/hawser.js";
import { type Role, SCENARIOS, type Scenario } from "./scenarios.js";

/** Long enough for 64 MiB both ways on a machine that is busy with other tests. */
const SCENARIO_TIMEOUT_MS = 30_000;

/** Runs every scenario that `peer` is able to take part in, in each role that it has. `ours` is the Hawser in it. */
export function interopSuite(peer: Peer, ours: Peer = hawser): void {
  describe(`interop of ${ours.name} with ${peer.name}`, () => {
    before(() => peer.start?.());
    after(() => peer.stop?.());
    for (const ourRole of ["server", "client"] as const) {
      const [client, server] = ourRole === "server" ? [peer, ours] : [ours, peer];
      if (client.connect === undefined || server.serve === undefined) continue;
      describe(`with ${ours.name} as the ${ourRole}`, () => {
        for (const scenario of SCENARIOS) {
          if (!isFor(scenario, ours, peer, ourRole)) continue;
          it(scenario.name, () => runScenario(scenario, client, server, ourRole));
        }
      });
    }
  });
}

function isFor(
  { ourNeeds = [], needs = [], ourRole }: Scenario,
  ours: Peer,
  theirs: Peer,
  role: Role,
): boolean {
  return (
    (ourRole ?? role) === role &&
    ourNeeds.every((ability) => ours.abilities.has(ability)) &&
    needs.every((ability) => theirs.abilities.has(ability))
  );
}

async function runScenario(scenario: Scenario, client: Peer, server: Peer, ourRole: Role): Promise<void> {
  const listener = await server.serve!(endOptions(scenario.server));
  try {
    const connected = await client.connect!(listener.url, endOptions(scenario.client));
    const accepted = await listener.accept();
    const [ours, theirs] = ourRole === "server" ? [accepted, connected] : [connected, accepted];
    await withTimeout(scenario.run({ ours, theirs }), SCENARIO_TIMEOUT_MS, scenario.name);
  } finally {
    await listener.stop();
  }
}

function endOptions(options: Partial<EndOptions> | undefined): EndOptions {
  return { protocols: [], deflate: undefined, isSecure: false, ...options };
}
