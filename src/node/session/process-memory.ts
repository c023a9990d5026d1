import type { TransportMemory } from "../../session/client-host-port.js";

/** What worked, for the sessions of this process. */
const memory = new Map<string, string>();
/** Servers that are remembered; the oldest goes first. */
const MAX_REMEMBERED = 1_000;

/** What the sessions of this process remember of a server. */
export function processMemory(server: string): TransportMemory {
  return {
    recall: () => memory.get(server),
    remember(value) {
      memory.delete(server);
      memory.set(server, value);
      if (memory.size > MAX_REMEMBERED) memory.delete(memory.keys().next().value!);
    },
  };
}
