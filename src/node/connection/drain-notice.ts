/** Something that waits to hear that its buffer has room again. */
export interface Drainable {
  drained(): void;
}

let waiting: Drainable[] = [];

/** Calls `drained` in the next round of the event loop, so that others get their turn in between. */
export function laterDrain(connection: Drainable): void {
  waiting.push(connection);
  if (waiting.length === 1) setImmediate(notifyAll);
}

function notifyAll(): void {
  const connections = waiting;
  waiting = [];
  for (const connection of connections) connection.drained();
}
