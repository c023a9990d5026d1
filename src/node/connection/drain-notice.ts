/** Something that waits to hear that its buffer has room again. */
export interface Drainable {
  drained(): void;
}

let waiting: Set<Drainable> = new Set();

/** Calls `drained` once in the next round of the event loop, so that others get their turn in between. */
export function laterDrain(connection: Drainable): void {
  if (waiting.size === 0) setImmediate(notifyAll);
  waiting.add(connection);
}

function notifyAll(): void {
  const connections = waiting;
  waiting = new Set();
  for (const connection of connections) connection.drained();
}
