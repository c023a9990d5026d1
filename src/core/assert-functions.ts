import { UsageError } from "./hawser-error.js";
import { typeName } from "./type-name.js";

/** Throws a {@link UsageError} `INVALID_OPTION` unless each of these options is a function, or left out. */
export function assertFunctions<Name extends string>(
  options: { readonly [N in Name]?: unknown },
  names: readonly Name[],
): void {
  for (const name of names) {
    const value = options[name];
    if (value !== undefined && typeof value !== "function")
      throw new UsageError("INVALID_OPTION", `${name} must be a function, not ${typeName(value)}`);
  }
}
