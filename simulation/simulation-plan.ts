import type { OverflowPolicy } from "#session/peer-port.js";
import { SeededRandom } from "#testbed/seeded-random.js";

/** What is random about a whole run: limits, the network, what the applications do. All of it comes from the seed. */
export interface SimulationPlan {
  readonly seed: number;
  readonly random: SeededRandom;
  /** How long there are faults, in ms of the virtual clock. */
  readonly faultsUntilMs: number;
  readonly pieceBytes: number;
  readonly windowBytes: number;
  readonly maxInFlightBytes: number;
  readonly maxOutboxBytes: number;
  readonly maxOutboxMessages: number;
  readonly maxMessageBytes: number;
  readonly maxChannels: number;
  readonly budgetBytes: number;
  readonly resumeWindowMs: number;
  readonly ackDelayMs: number;
  readonly pingIntervalMs: number;
  /** The longest message that is sent. */
  readonly longestBytes: number;
  readonly mostLatencyMs: number;
  readonly bytesPerMs: number;
  readonly drainAboveBytes: number;
  /** In percent, for each block. */
  readonly lossPercent: number;
  readonly doublePercent: number;
  /** In percent, for each block of data: it vanishes, against what a transport promises. */
  readonly vanishPercent: number;
  /** How many faults and acts there are. */
  readonly faults: number;
  readonly acts: number;
}

/** Draws the plan of a run. */
export function simulationPlan(seed: number): SimulationPlan {
  const random = new SeededRandom(seed);
  const maxMessageBytes = random.pick([60, 300, 1_500]);
  const pieceBytes = random.pick(maxMessageBytes > 1_000 ? [100, 400] : [16, 40, 100]);
  const windowBytes = random.pick([70, 300, 1_000, 5_000]);
  return {
    seed,
    random,
    faultsUntilMs: random.pick([300, 3_000, 30_000]),
    pieceBytes,
    windowBytes,
    maxInFlightBytes: random.pick([300, 1_000, 5_000]),
    maxOutboxBytes: random.pick([1_000, 3_000, 6_000, 20_000]),
    maxOutboxMessages: random.pick([3, 30, 1_000]),
    maxMessageBytes,
    maxChannels: random.pick([2, 4, 64]),
    budgetBytes: random.chance(0.1) ? 1_000 : Infinity,
    resumeWindowMs: random.pick([5_000, 20_000, 60_000]),
    ackDelayMs: random.pick([0, 5, 25]),
    pingIntervalMs: random.pick([2_000, 5_000, 10_000]),
    longestBytes: random.pick([20, 20, maxMessageBytes, Math.floor(maxMessageBytes * 1.2)]),
    mostLatencyMs: random.pick([0, 1, 30, 30, 300]),
    bytesPerMs: random.pick([Infinity, Infinity, Infinity, 10, 2]),
    drainAboveBytes: random.pick([100, 1_000, 65_536]),
    lossPercent: random.pick([0, 0, 2, 10]),
    doublePercent: random.pick([0, 0, 5, 30]),
    vanishPercent: random.pick([0, 0, 0, 3]),
    faults: random.pick([1, 2, 4, 9]),
    acts: random.pick([5, 10, 25]),
  };
}

/** The policies, `block` more often than others. */
export const POLICIES: readonly OverflowPolicy[] = [
  "block",
  "block",
  "drop-oldest",
  "drop-newest",
  "latest-per-key",
  "disconnect",
];
