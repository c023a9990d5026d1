import process from "node:process";
import { LatencyHistogram } from "./latency-histogram.js";
import type { LoadFault, LoadReport } from "./load-report.js";

/** Adds up what a load does. Nothing counts before {@link begin} and after {@link end};
 * the load goes on until {@link stop}, so that others can read their clocks while it is steady. */
export class LoadMeter {
  #histogram = new LatencyHistogram();
  #state: "warming up" | "measuring" | "measured" | "over" = "warming up";
  #messages = 0;
  #startedAt = 0;
  #seconds = 0;
  #cpuSeconds = 0;
  readonly #faults = new Map<string, number>();
  /** Called when a load cannot go on. */
  onStall: (() => void) | undefined;

  /** Whether the load is to go on. */
  get isRunning(): boolean {
    return this.#state !== "over";
  }

  /** Messages since the measuring began, or since the warming up did. */
  get messages(): number {
    return this.#messages;
  }

  /** Counts answers that took so long. */
  record(latencyMs: number, count: number): void {
    if (this.#state === "measured" || this.#state === "over") return;
    this.#messages += count;
    this.#histogram.record(latencyMs, count);
  }

  fault(reason: string): void {
    this.#faults.set(reason, (this.#faults.get(reason) ?? 0) + 1);
  }

  begin(): void {
    this.#state = "measuring";
    this.#histogram = new LatencyHistogram();
    this.#messages = 0;
    this.#startedAt = performance.now();
    this.#cpuSeconds = ownCpuSeconds();
  }

  end(): void {
    this.#seconds = (performance.now() - this.#startedAt) / 1000;
    this.#cpuSeconds = ownCpuSeconds() - this.#cpuSeconds;
    this.#state = "measured";
  }

  stop(): void {
    this.#state = "over";
  }

  report(connections: number, isCompressed: boolean, answerBytes = 0): LoadReport {
    const seconds = this.#seconds;
    const faults: LoadFault[] = [...this.#faults]
      .map(([reason, count]) => ({ reason, count }))
      .sort((a, b) => b.count - a.count);
    return {
      messages: this.#messages,
      seconds,
      perSecond: seconds === 0 ? 0 : this.#messages / seconds,
      latencyMs: this.#histogram.summary(),
      connections,
      isCompressed,
      answerBytes,
      generator: { cpuSeconds: this.#cpuSeconds, busy: seconds === 0 ? 0 : this.#cpuSeconds / seconds },
      faults,
    };
  }
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
