import type { TransportMemory } from "../session/client-host-port.js";

/** What the pages of one origin remember of a server, until the browser forgets it. */
export function pageMemory(server: string): TransportMemory {
  const key = `hawser ${server}`;
  return {
    recall() {
      try {
        return localStorage.getItem(key) ?? undefined;
      } catch {
        return undefined; // a worker, or a page that may not
      }
    },
    remember(value) {
      try {
        localStorage.setItem(key, value);
      } catch {
        // It is only a hint.
      }
    },
  };
}
