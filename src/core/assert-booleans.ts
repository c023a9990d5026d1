import { UsageError } from "./hawser-error.js";
import { typeName } from "./type-name.js";

/** Throws a {@link UsageError} `INVALID_OPTION` unless each of these options is a boolean, or left out. */
export function assertBooleans<Name extends string>(
  options: { readonly [N in Name]?: unknown },
  names: readonly Name[],
): void {
  for (const name of names) {
    const value = options[name];
    if (value !== undefined && typeof value !== "boolean")
      throw new UsageError("INVALID_OPTION", `${name} must be true or false, not ${typeName(value)}`);
  }
}
