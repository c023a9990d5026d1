import type { Broker, BrokerListener } from "hawser/server";
import type { SeededRandom } from "#testbed/seeded-random.js";
import type { VirtualClock } from "#testing/virtual-clock.js";
import type { SimulatedEnd } from "./simulated-end.js";

/** How bad a broker is, in percent of what it is given. */
export interface BrokerFaults {
  readonly lossPercent: number;
  /** Against what it promises: comes twice. */
  readonly doublePercent: number;
  /** Against what it promises: is late, behind what was published after it. */
  readonly swapPercent: number;
  readonly mostLatencyMs: number;
}

/** How late something is that comes twice, or out of order, in ms. */
const MOST_LATE_MS = 300;

/** A broker on a virtual clock: at best as the port promises, and worse until it is healed. */
export class SimulatedBroker {
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #faults: BrokerFaults;
  readonly #isHealed: () => boolean;
  readonly #listeners = new Map<string, Set<(bytes: Uint8Array) => void>>();
  readonly #arrivesMs = new Map<string, number>();
  #downFromMs = 0;
  #downUntilMs = 0;

  constructor(clock: VirtualClock, random: SeededRandom, faults: BrokerFaults, isHealed: () => boolean) {
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
    this.#isHealed = isHealed;
  }

  /** For a while it takes everything and brings nothing. */
  goDown(durationMs: number): void {
    const { nowMs } = this.#clock;
    if (nowMs >= this.#downUntilMs) this.#downFromMs = nowMs;
    this.#downUntilMs = Math.max(this.#downUntilMs, nowMs + durationMs);
  }

  /** Whether nothing of what was published since then has come, whatever its luck. */
  wasDownSince(timeMs: number): boolean {
    const isDown = this.#clock.nowMs < this.#downUntilMs && !this.#isHealed();
    return isDown && this.#downFromMs <= timeMs - this.#faults.mostLatencyMs - MOST_LATE_MS;
  }

  /** As one computer has it: what comes there, comes in a turn of its own. */
  at(end: SimulatedEnd): Broker {
    return {
      publish: (topic, bytes) => this.#publish(end.name, topic, bytes),
      subscribe: (topic, listener: BrokerListener) => {
        const take = (bytes: Uint8Array): void => end.run(() => listener(bytes));
        const listeners = this.#listeners.get(topic) ?? new Set();
        this.#listeners.set(topic, listeners.add(take));
        return () => void listeners.delete(take);
      },
      close() {},
    };
  }

  #publish(publisher: string, topic: string, bytes: Uint8Array): void {
    const clock = this.#clock;
    const random = this.#random;
    const { lossPercent, doublePercent, swapPercent, mostLatencyMs } = this.#faults;
    const isHealed = this.#isHealed();
    for (const listener of this.#listeners.get(topic) ?? []) {
      if (!isHealed && (clock.nowMs < this.#downUntilMs || random.chance(lossPercent / 100))) continue;
      const line = `${publisher} ${topic}`;
      const latencyMs = random.next() * mostLatencyMs;
      const inOrderMs = Math.max(this.#arrivesMs.get(line) ?? 0, clock.nowMs + latencyMs);
      this.#arrivesMs.set(line, inOrderMs);
      const isSwapped = !isHealed && random.chance(swapPercent / 100);
      clock.at(isSwapped ? inOrderMs + random.integer(1, MOST_LATE_MS) : inOrderMs, () => listener(bytes));
      if (!isHealed && random.chance(doublePercent / 100))
        clock.at(inOrderMs + random.integer(0, MOST_LATE_MS), () => listener(bytes));
    }
  }
}
