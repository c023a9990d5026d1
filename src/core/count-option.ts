import { UsageError } from "./hawser-error.js";

/**
 * The value of an option that is a number of things, ms or bytes, or its default where it is left out.
 * @throws UsageError `INVALID_OPTION` for what is not a whole number, `Infinity`, or is below `atLeast`.
 */
export function countOption<Name extends string>(
  options: { readonly [N in Name]?: number | undefined },
  name: Name,
  standard: number,
  atLeast = 0,
): number {
  const value: unknown = options[name] ?? standard;
  if (typeof value === "number" && value >= atLeast && (Number.isSafeInteger(value) || value === Infinity)) {
    return value;
  }
  throw new UsageError(
    "INVALID_OPTION",
    `${name} must be a whole number from ${atLeast} on, not ${String(value)}`,
  );
}
