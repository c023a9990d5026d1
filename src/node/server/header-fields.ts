import { UsageError } from "../../core/hawser-error.js";

/** Header fields: a record, or a flat list (name, value, name, value...) where a name must stand twice. */
export type HeaderFields = Readonly<Record<string, string>> | readonly string[];

/**
 * Header fields as a flat list. What stands in it is checked where it becomes part of a head.
 * @throws {@link UsageError} `INVALID_HEADER` for what is neither a record nor a list.
 */
export function flatFields(headers: HeaderFields | undefined): readonly string[] {
  if (headers === undefined) return [];
  if (isList(headers)) return headers;
  // Nothing of a `Headers` or a `Map` would be left.
  if (typeof headers !== "object" || headers === null || Symbol.iterator in headers)
    throw new UsageError(
      "INVALID_HEADER",
      "headers must be a record, or a flat list: name, value, name, value...",
    );
  return Object.entries(headers).flat();
}

function isList(headers: HeaderFields): headers is readonly string[] {
  return Array.isArray(headers);
}
