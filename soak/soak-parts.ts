import type { SeededRandom } from "#testbed/seeded-random.js";
import type { Tally } from "./soak-report.js";
import type { Bodies } from "./verified-messages.js";

/** What a process of the soak gives to whatever has sessions in it. */
export interface SoakParts {
  readonly random: SeededRandom;
  readonly bodies: Bodies;
  readonly ends: Tally;
  received(byteLength: number): void;
  problem(what: string): void;
}
