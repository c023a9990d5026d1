import type { ClientMachineHost } from "./machine/client-config.js";

/**
 * What the world around a client did, as far as a session wants to know it:
 * - `online`: the network is back, or another one; - `offline`: there is none;
 * - `visible`: the page is shown again, or thawed;
 * - `restored`: the page came back from the back/forward cache, and its connections did not;
 * - `unload`: the page goes, for good.
 */
export type HostChange = "online" | "offline" | "visible" | "restored" | "unload";

/** What a client needs from where it runs: a page, a worker, Node. */
export interface ClientHost extends ClientMachineHost {
  /** The time of day, in ms since 1970. */
  dateMs(): number;
  /** Whether there is no network at all, as far as the host knows. */
  isOffline(): boolean;
  /** Calls `listener` for what happens around. Returns what ends that. */
  watch(listener: (change: HostChange) => void): () => void;
  /** Shows an error that the application does not take: as the platform shows those of listeners, and no process ends by it. */
  report(error: unknown): void;
}

/** Where the sessions of an origin tell each other what works with a server. It is a hint: it may be lost, or not be there at all. */
export interface TransportMemory {
  /** What was remembered; undefined if nothing was. */
  recall(): string | undefined;
  remember(value: string): void;
}
