/** Adds a listener, also one that listens already. Returns what takes it away. */
export function listen<Listener extends (...given: never[]) => void>(
  listeners: Set<Listener>,
  listener: Listener,
): () => void {
  const entry = ((...given) => listener(...given)) as Listener;
  listeners.add(entry);
  return () => void listeners.delete(entry);
}

/** Calls `tell` with each that listens now, and still does when it is its turn. */
export function eachOf<Listener>(
  listeners: ReadonlySet<Listener>,
  tell: (listener: Listener) => unknown,
): void {
  for (const listener of [...listeners]) if (listeners.has(listener)) tell(listener);
}
