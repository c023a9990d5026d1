import { UsageError } from "./hawser-error.js";
import { typeName } from "./type-name.js";

/** Throws a {@link UsageError} `INVALID_OPTION` unless it is an object with options in it; `name` is what it is called. */
export function assertObject(value: unknown, name: string): asserts value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError("INVALID_OPTION", `${name} must be an object, not ${typeName(value)}`);
}
