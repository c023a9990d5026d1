import { isThenable } from "../../core/is-thenable.js";

/**
 * Hears of it when what a handler returned is a promise that is rejected. Handlers may be written in JavaScript, and
 * return whatever the last expression in them comes to.
 */
export function watchRejection(result: unknown, onRejected: (error: unknown) => void): void {
  if (isThenable(result)) result.then(undefined, onRejected);
}
