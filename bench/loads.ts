/** What is asked of a server. */
export interface Load {
  readonly name: string;
  readonly kind: "echo" | "fan-out" | "connect";
  /** Payload of a message in bytes. */
  readonly size: number;
  /** Messages that each connection (in a fan-out: the sender) has in flight. */
  readonly inFlight: number;
  readonly connections: number;
}

const KIB = 1024;

/** The loads of the table in docs/performance.md. */
export const LOADS: readonly Load[] = [
  { name: "echo 20 B, 16 in flight", kind: "echo", size: 20, inFlight: 16, connections: 64 },
  { name: "echo 20 B, 1 in flight", kind: "echo", size: 20, inFlight: 1, connections: 64 },
  { name: "echo 1 KiB, 16 in flight", kind: "echo", size: KIB, inFlight: 16, connections: 64 },
  { name: "echo 64 KiB", kind: "echo", size: 64 * KIB, inFlight: 4, connections: 8 },
  { name: "echo 1 MiB", kind: "echo", size: KIB * KIB, inFlight: 1, connections: 8 },
  { name: "fan-out 1 to 500, 128 B, 1 in flight", kind: "fan-out", size: 128, inFlight: 1, connections: 500 },
  {
    name: "fan-out 1 to 500, 128 B, 16 in flight",
    kind: "fan-out",
    size: 128,
    inFlight: 16,
    connections: 500,
  },
  { name: "connect, upgrade, close", kind: "connect", size: 0, inFlight: 1, connections: 32 },
];
