/**
 * Hears of it when what a handler returned is a promise that is rejected. Handlers may be written in JavaScript, and
 * return whatever the last expression in them comes to.
 */
export function watchRejection(result: unknown, onRejected: (error: unknown) => void): void {
  if (isThenable(result)) result.then(undefined, onRejected);
}

/** Whether it is a promise: of this realm or another, of Node or of a library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
