/** The options that are numbers, as programs give them: texts from the environment and fractions among them. */
const NAMES = ["maxPayload", "maxFragments", "maxPendingAutoPongs", "closeTimeout"] as const;

/** A whole number of 32 bits, as `ws` reads its limits: 0, which is no limit, for what is none. */
export function wholeNumber(value: unknown): number {
  return Number(value) | 0;
}

/**
 * Refuses at once what would otherwise throw when a peer connects.
 * @throws TypeError for what cannot be read as a number, such as a symbol.
 */
export function checkNumbers(options: { readonly [Name in (typeof NAMES)[number]]?: unknown }): void {
  for (const name of NAMES) {
    try {
      wholeNumber(options[name]);
    } catch (cause) {
      throw new TypeError(`The "${name}" option must be a number`, { cause });
    }
  }
}
