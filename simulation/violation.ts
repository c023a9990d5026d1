/** A promise that was not kept in a simulated run. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Throws a {@link Violation} unless `holds`. */
export function hold(holds: boolean, what: string | (() => string)): asserts holds {
  if (!holds) throw new Violation(typeof what === "string" ? what : what());
}
