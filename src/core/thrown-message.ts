/** The message of what was thrown. Anything can be thrown, also what `String` cannot make a string of. */
export function thrownMessage(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === "string" ? thrown : "something was thrown that is not an Error";
}
