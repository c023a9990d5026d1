/**
 * Reads `Cookie` header fields (RFC 6265 §4.2). Values are percent-decoded where they can be, as the setters of most
 * frameworks encode them. A map, since names are the client's.
 */
export function parseCookies(fields: readonly string[]): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const field of fields) {
    for (const pair of field.split(";")) {
      const equals = pair.indexOf("=");
      if (equals === -1) continue;
      const name = pair.slice(0, equals).trim();
      if (name !== "" && !cookies.has(name))
        cookies.set(name, decode(unquote(pair.slice(equals + 1).trim())));
    }
  }
  return cookies;
}

function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function decode(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
