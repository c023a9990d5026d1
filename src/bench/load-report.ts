import type { LatencySummary } from "./latency-histogram.js";

/** Something that went wrong, and how often. */
export interface LoadFault {
  readonly reason: string;
  readonly count: number;
}

/** What came of a load. */
export interface LoadReport {
  /** Messages that were answered; of a fan-out, deliveries; of `connect`, connections. */
  readonly messages: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** From the window being sent to the answer being there; of `connect`, to the end of the opening handshake. */
  readonly latencyMs: LatencySummary;
  /** Connections that were open when measuring began. */
  readonly connections: number;
  /** Whether compression was agreed on. */
  readonly isCompressed: boolean;
  /** How many bytes an answer took on the wire, with its frame: what compression comes to. Of `connect`, 0. */
  readonly answerBytes: number;
  /** The process that made the load. */
  readonly generator: {
    readonly cpuSeconds: number;
    /** The share of one core that it used: near 1, the generator was what was measured. */
    readonly busy: number;
  };
  /** What went wrong, the most frequent first. */
  readonly faults: readonly LoadFault[];
}
