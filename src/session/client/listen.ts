/** Adds a listener, also one that listens already. Returns what takes it away. */
export function listen<Listener extends (...given: never[]) => void>(
  listeners: Set<Listener>,
  listener: Listener,
): () => void {
  const entry = ((...given) => listener(...given)) as Listener;
  listeners.add(entry);
  return () => void listeners.delete(entry);
}
