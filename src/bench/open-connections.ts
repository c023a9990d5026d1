import { setTimeout as delay } from "node:timers/promises";
import { type Dialled, type DialOptions, dial } from "./dial.js";

/** Fewer than what the backlog of a listening socket holds everywhere. */
const MAX_CONNECTING = 100;
/** The default of `openTimeoutMs`. */
export const DEFAULT_OPEN_TIMEOUT_MS = 60_000;

/** How many connections, and how fast. */
export interface OpenConnectionsOptions {
  readonly count: number;
  readonly dialOptions: (index: number) => DialOptions;
  /** The time over which they are opened. */
  readonly rampMs: number;
  /** How long it may take beyond the ramp. */
  readonly openTimeoutMs: number | undefined;
  readonly onOpened?: ((open: number) => void) | undefined;
}

/** Opens connections side by side; the promise is rejected with what stood in the way of the first that failed. */
export async function openConnections(options: OpenConnectionsOptions): Promise<Dialled[]> {
  const { count, rampMs, dialOptions, openTimeoutMs = DEFAULT_OPEN_TIMEOUT_MS } = options;
  const opened: Dialled[] = [];
  const startedAt = performance.now();
  const lastAt = startedAt + rampMs + openTimeoutMs;
  let next = 0;
  let failure: Error | undefined;
  const line = async (): Promise<void> => {
    while (next < count && failure === undefined) {
      const index = next++;
      const early = startedAt + (rampMs * index) / count - performance.now();
      if (early > 0) await delay(early);
      if (performance.now() > lastAt) failure ??= new Error(`${count} connections took too long to open`);
      else {
        opened[index] = await dial(dialOptions(index));
        options.onOpened?.(index + 1);
      }
    }
  };
  const timeout = new AbortController();
  const limit = delay(rampMs + openTimeoutMs, undefined, { signal: timeout.signal }).then(
    () => {
      failure ??= new Error(`${opened.length} of ${count} connections were open in time`);
      throw failure;
    },
    () => undefined,
  );
  const lines = Promise.all(Array.from({ length: Math.min(MAX_CONNECTING, count) }, line));
  try {
    await Promise.race([lines, limit]);
    if (failure !== undefined) throw failure;
  } catch (error) {
    failure ??= error as Error;
    for (const one of opened) one?.connection.destroy();
    throw error;
  } finally {
    timeout.abort();
  }
  return opened;
}
