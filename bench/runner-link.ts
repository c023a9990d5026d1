import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

// What a measured process and the runner say to each other. It runs on Bun, too.

/** How a server or a client is to behave; the last argument of its process, as JSON. */
export interface ContenderSettings {
  /** Whether every message is compressed, with the windows kept. */
  readonly isCompressing: boolean;
  /** The certificate to serve with; both in PEM. */
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  /** A client: where to, and how often. */
  readonly url: string | undefined;
  readonly connections: number;
}

/** The first message of a measured process: it is ready. */
export interface Ready {
  /** Where a server listens; 0 for a client. */
  readonly port: number;
}

/** The answer to `cpu`. */
export interface CpuAnswer {
  /** User and system time so far. */
  readonly cpuSeconds: number;
  /** The clock of the process, for the time between two answers. */
  readonly atSeconds: number;
  /** Resident memory of all its processes, where it has several. */
  readonly rssBytes?: number;
}

/** The answer to `memory`, with garbage collected. */
export interface MemoryAnswer {
  /** How many connections the process knows of. */
  readonly connections: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Buffers and what else lives beside the heap of JavaScript. */
  readonly externalBytes: number;
}

/** A listener refuses nothing of what the loads bring. */
export const MANY_CONNECTIONS = 200_000;
const COLLECTIONS = 3;
const COLLECTION_PAUSE_MS = 60;

export function contenderSettings(): ContenderSettings {
  return JSON.parse(process.argv.at(-1) ?? "{}") as ContenderSettings;
}

/** Tells the runner that the process is ready, and answers it from then on. Without the runner the process ends. */
export function answerRunner(port: number, connections: () => number): void {
  process.on("message", (question) => {
    if (question === "cpu") {
      const { user, system } = process.cpuUsage();
      const answer: CpuAnswer = { cpuSeconds: (user + system) / 1e6, atSeconds: performance.now() / 1000 };
      process.send?.(answer);
    } else {
      void ownMemory(connections).then((answer) => process.send?.(answer));
    }
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ port } satisfies Ready);
}

/** What this process has, with garbage collected. */
export async function ownMemory(connections: () => number): Promise<MemoryAnswer> {
  await collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { connections: connections(), rssBytes: rss, heapBytes: heapUsed, externalBytes: external };
}

async function collect(): Promise<void> {
  const bun = (globalThis as { Bun?: { gc(isSynchronous: boolean): void } }).Bun;
  for (let i = 0; i < COLLECTIONS; i++) {
    if (bun === undefined) globalThis.gc?.();
    else bun.gc(true);
    await delay(COLLECTION_PAUSE_MS);
  }
}
