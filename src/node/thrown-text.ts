import { inspect } from "node:util";

/** What was thrown, in words. Anything can be thrown, also what `String` cannot make a string of. */
export function thrownText(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === "string" ? thrown : inspect(thrown, { depth: 0 });
}

/** Tells the process, where nobody else listens. */
export function warnOf(thrown: unknown): void {
  process.emitWarning(thrown instanceof Error ? thrown : thrownText(thrown));
}
