import type { ContenderId } from "./contender.js";

/** What the connections do before they are weighed. */
export type MemoryAction = "stay idle" | "echo once" | "echo once, compressed" | "do not read" | "burst";

/** A state of connections whose memory is measured. */
export interface MemoryLoad {
  readonly id: string;
  /** What tables call it. */
  readonly title: string;
  readonly contenders: readonly ContenderId[];
  readonly isCompressing: boolean;
  readonly connections: number;
  /** For `--quick`. */
  readonly quickConnections: number;
  readonly action: MemoryAction;
  /** The size of the message that each connection sends. */
  readonly bytes: number;
  /** How many of them. */
  readonly messages: number;
  /** Over so many processes the connections are spread at both ends, each below the system's limit of open files. Default: 1. */
  readonly processes?: number;
}

const KIB = 1024;
const SERVERS: readonly ContenderId[] = ["hawser", "ws", "bun"];
const IDLE = { isCompressing: false, action: "stay idle", bytes: 0, messages: 0 } as const;

/** The loads of memory; more connections than the system lets a process have are left out, and said so. */
export const MEMORY_LOADS: readonly MemoryLoad[] = [
  {
    ...IDLE,
    id: "memory-idle",
    title: "idle",
    contenders: [...SERVERS, "net"],
    connections: 10_000,
    quickConnections: 1_000,
  },
  {
    ...IDLE,
    id: "memory-idle-50k",
    title: "idle",
    contenders: [...SERVERS, "net"],
    connections: 50_000,
    quickConnections: 0,
  },
  {
    ...IDLE,
    id: "memory-idle-50k-workers",
    title: "idle, over 3 workers",
    contenders: ["hawser-3-workers"],
    connections: 50_000,
    quickConnections: 0,
    processes: 3,
  },
  {
    id: "memory-plain",
    title: "after an echo of 1 KiB",
    contenders: [...SERVERS, "net"],
    isCompressing: false,
    connections: 10_000,
    quickConnections: 1_000,
    action: "echo once",
    bytes: KIB,
    messages: 1,
  },
  {
    id: "memory-compressed",
    title: "after a compressed echo of 4 KiB",
    contenders: SERVERS,
    isCompressing: true,
    connections: 1_000,
    quickConnections: 200,
    action: "echo once, compressed",
    bytes: 4 * KIB,
    messages: 1,
  },
  {
    id: "memory-burst",
    title: "after 64 KiB from all at once",
    contenders: SERVERS,
    isCompressing: false,
    connections: 1_000,
    quickConnections: 200,
    action: "burst",
    bytes: 64 * KIB,
    messages: 1,
  },
  {
    id: "memory-slow-reader",
    title: "owed an echo of 16 MiB, not reading",
    contenders: SERVERS,
    isCompressing: false,
    connections: 20,
    quickConnections: 5,
    action: "do not read",
    bytes: 64 * KIB,
    messages: 256,
  },
  {
    ...IDLE,
    id: "session-idle",
    title: "an idle session",
    contenders: ["hawser-session", "socket.io", "hawser"],
    connections: 10_000,
    quickConnections: 1_000,
  },
];
