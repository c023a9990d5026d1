/** What kind of value it is, for a message about it; never the value, which may be a secret or have no text. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "a list" : `of type ${typeof value}`;
}
