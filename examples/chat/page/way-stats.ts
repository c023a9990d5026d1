import type { Trip, WayCounts, WayReport } from "../lab-messages.js";

/** How far back round trips are shown. */
export const TRIPS_SHOWN_MS = 30_000;
/** Over how long costs are averaged: long enough for some messages, short enough to see a change. */
const COSTS_OVER_MS = 10_000;

/** What a message and its answer cost on average. */
export interface RoundTripCosts {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Bytes that are not the message. */
  readonly overheadUpBytes: number;
  readonly overheadDownBytes: number;
}

/** What the reports say about one way, over the last seconds. */
export class WayStats {
  /** The oldest first. */
  trips: Trip[] = [];
  #counts: { readonly atMs: number; readonly counts: WayCounts }[] = [];

  add(atMs: number, { trips, ...counts }: WayReport): void {
    const last = this.#counts.at(-1)?.counts;
    if (last !== undefined && counts.sent < last.sent) this.#counts = []; // the server began again
    this.#counts.push({ atMs, counts });
    this.#counts = this.#counts.filter((one) => one.atMs >= atMs - COSTS_OVER_MS);
    this.trips.push(...trips);
    this.trips = this.trips.filter((trip) => trip.atMs >= atMs - TRIPS_SHOWN_MS);
  }

  /** So many of all round trips took no longer than this, in ms. Undefined before the first one. */
  quantileMs(share: number): number | undefined {
    const sorted = this.trips.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }

  /** Undefined if nothing came back. */
  get costs(): RoundTripCosts | undefined {
    const [first] = this.#counts;
    const last = this.#counts.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const [from, to] = [first.counts, last.counts];
    const returned = to.returned - from.returned;
    if (returned <= 0) return undefined;
    const messageBytes = (to.messageBytes - from.messageBytes) / 2;
    return {
      requests: (to.requests - from.requests) / returned,
      requestsPerSecond: (1_000 * (to.requests - from.requests)) / (last.atMs - first.atMs),
      overheadUpBytes: Math.max(0, to.upBytes - from.upBytes - messageBytes) / returned,
      overheadDownBytes: Math.max(0, to.downBytes - from.downBytes - messageBytes) / returned,
    };
  }
}
