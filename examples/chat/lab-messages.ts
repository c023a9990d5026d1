// What the server and the page of the transport lab say to each other.
import type { TransportName } from "hawser";

/** The ways that are compared, the cheapest first. */
export const WAYS: readonly TransportName[] = ["websocket", "stream", "sse", "long-polling", "polling"];

/** How many messages a second can be chosen. */
export const RATES = [1, 5, 10, 20] as const;
/** How long they can be, in bytes. */
export const SIZES = [16, 256, 4_096] as const;

/** From the page to the server, on the session that steers. */
export interface LabSettings {
  /** 0 pauses. */
  readonly messagesPerSecond: number;
  readonly messageBytes: number;
}

/** What one way has cost since its session began. Bytes are those of its sockets, without what TCP and IP add. */
export interface WayCounts {
  /** Messages that went to the page. */
  readonly sent: number;
  /** Those that came back. */
  readonly returned: number;
  /** HTTP requests; the handshake of a WebSocket is one. */
  readonly requests: number;
  readonly upBytes: number;
  readonly downBytes: number;
  /** Of these, the messages themselves, both ways together. */
  readonly messageBytes: number;
}

/** One message that went to the page and came back. */
export interface Trip {
  /** When it came back, in ms of the server's clock. */
  readonly atMs: number;
  readonly tookMs: number;
}

/** From the server to the page, some times a second. */
export interface LabReport {
  /** When, in ms of the server's clock, as in {@link Trip}. */
  readonly atMs: number;
  /** A way is missing until its session has begun. */
  readonly ways: Readonly<Partial<Record<TransportName, WayReport>>>;
}

export interface WayReport extends WayCounts {
  /** What came back since the last report. */
  readonly trips: readonly Trip[];
}
