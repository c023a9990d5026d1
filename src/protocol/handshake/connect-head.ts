import { HeaderList } from "./header-list.js";
import { equalsIgnoringAsciiCase } from "./http-token.js";

/** The fields of a request over HTTP/2, as an extended CONNECT has them (RFC 8441 §4). */
export interface ConnectHead {
  /** `:method`; "" if it is missing, as with all of these. */
  readonly method: string;
  /** `:protocol`. */
  readonly protocol: string;
  /** `:scheme`. */
  readonly scheme: string;
  /** `:path`: path and query. */
  readonly target: string;
  /** `:authority`, or `Host` where that is missing; undefined if both are there and say different things. */
  readonly authority: string | undefined;
  /**
   * The other fields, as they would stand in HTTP/1.1: the authority as `host`, and the cookies in one field
   * (RFC 9113 §8.2.3), so that who reads them need not know how they came.
   */
  readonly headers: HeaderList;
}

/**
 * Takes the pseudo header fields out of `raw`, the fields as one flat list with names in lower case. HTTP/2 itself, below
 * this, refuses those that are repeated, unknown or behind others.
 */
export function readConnectHead(raw: readonly string[]): ConnectHead {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  const cookies: string[] = [];
  const hosts: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    if (name.startsWith(":")) pseudo.set(name, value);
    else if (name === "cookie") cookies.push(value);
    else if (name === "host") hosts.push(value);
    else fields.push(name, value);
  }
  if (cookies.length > 0) fields.push("cookie", cookies.join("; "));
  const authority = authorityOf(pseudo.get(":authority"), hosts);
  return {
    method: pseudo.get(":method") ?? "",
    protocol: pseudo.get(":protocol") ?? "",
    scheme: pseudo.get(":scheme") ?? "",
    target: pseudo.get(":path") ?? "",
    authority,
    headers: new HeaderList(authority === undefined ? fields : ["host", authority, ...fields]),
  };
}

/** RFC 9113 §8.3.1: a `Host` that differs from `:authority` makes the request malformed. */
function authorityOf(authority: string | undefined, hosts: readonly string[]): string | undefined {
  const [first = "", ...others] = authority === undefined ? hosts : [authority, ...hosts];
  return others.every((other) => equalsIgnoringAsciiCase(other, first)) ? first : undefined;
}

/** Names are in lower case in HTTP/2 (RFC 9113 §8.2.1). They are tokens, so that no other letter can become an ASCII one. */
export function lowerNames(fields: readonly string[]): string[] {
  return fields.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
}
