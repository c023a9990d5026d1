import type { FaultProxy, Faults } from "#testbed/fault-proxy.js";
import type { SeededRandom } from "#testbed/seeded-random.js";

/** What the network is like for a while. */
const WEATHER: readonly Faults[] = [
  {},
  { toServer: { delayMs: 20, jitterMs: 30 }, toClient: { delayMs: 20, jitterMs: 30 }, cutShare: 0.2 },
  {
    toServer: { maxPieceBytes: 1, piecesWithinBytes: 3_000 },
    toClient: { maxPieceBytes: 7, piecesWithinBytes: 20_000 },
    cutShare: 0.1,
    cutWithinBytes: 500,
  },
  { toServer: { bytesPerSecond: 500_000 }, toClient: { bytesPerSecond: 1_000_000 }, refuseShare: 0.2 },
  {
    toServer: { stallShare: 0.01, stallMs: 800 },
    toClient: { stallShare: 0.01, stallMs: 800 },
    cutShare: 0.3,
  },
  { cutShare: 0.5, cutWithinBytes: 2_000_000, cuts: ["fin", "rst", "black-hole"] },
];

/** Changes the weather, or strikes: at random, but the same for the same seed. */
export function inflict(proxies: readonly FaultProxy[], random: SeededRandom): void {
  for (const proxy of proxies) {
    proxy.unblock();
    proxy.setFaults(random.pick(WEATHER));
    const strike = random.next();
    if (strike < 0.06) proxy.cutAll(random.pick(["fin", "rst"] as const));
    else if (strike < 0.09) proxy.cutAll("black-hole");
    else if (strike < 0.15) proxy.stallAll(random.integer(50, 1_500));
    else if (strike < 0.2) proxy.block();
  }
}
