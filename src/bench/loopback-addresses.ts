import process from "node:process";
import type { LoadTarget } from "./load-target.js";

/** Fewer than an address has ports for outgoing connections. */
const CONNECTIONS_PER_ADDRESS = 20_000;
const MAX_ADDRESSES = 250;

/**
 * Addresses of ours to connect from, where one has too few ports: on Linux all of 127.0.0.0/8 is this machine. None if one
 * address is enough, or if there is nothing to choose from.
 */
export function loopbackAddresses({ host }: LoadTarget, connections: number): string[] {
  const count = Math.min(MAX_ADDRESSES, Math.ceil(connections / CONNECTIONS_PER_ADDRESS));
  if (count <= 1 || !host.startsWith("127.") || process.platform !== "linux") return [];
  return Array.from({ length: count }, (_, index) => `127.0.0.${index + 2}`);
}
