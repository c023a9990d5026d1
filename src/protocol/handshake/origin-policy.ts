import { UsageError } from "../../core/hawser-error.js";
import { type Authority, parseAuthority } from "./authority.js";
import type { HandshakeRequest } from "./server-handshake.js";

/**
 * Which web pages may open connections (RFC 6455 §10.2). Browsers send cookies with a handshake whatever page it comes
 * from, and no same-origin rule of theirs holds for WebSocket: this check is all there is against cross-site hijacking.
 *
 * - `"same-origin"`: pages from the host and port that the request is for.
 * - a list of origins: `https://example.com`, `http://localhost:8080`, or `https://*.example.com` for all subdomains,
 *   at any depth, without `example.com` itself.
 * - a function that is given the origin and the request, and allows with exactly `true`. It is also asked about
 *   `null`, the origin of sandboxed frames and local files; what it throws is thrown on.
 * - `"dangerously-allow-any-origin"`: any page may act in the name of its visitor.
 */
export type OriginPolicy =
  | "same-origin"
  | "dangerously-allow-any-origin"
  | readonly string[]
  | ((origin: string, request: HandshakeRequest) => boolean);

/** Throws a {@link UsageError} `INVALID_OPTION` unless `policy` is what {@link OriginPolicy} says. */
export function assertOriginPolicy(policy: OriginPolicy): void {
  if (policy === "same-origin" || policy === "dangerously-allow-any-origin") return;
  if (typeof policy === "function") return;
  if (!Array.isArray(policy)) {
    throw new UsageError(
      "INVALID_OPTION",
      'origins must be "same-origin", "dangerously-allow-any-origin", a list or a function',
    );
  }
  for (const entry of policy) {
    if (typeof entry !== "string" || parseEntry(entry) === undefined) {
      const shown = JSON.stringify(entry);
      throw new UsageError(
        "INVALID_OPTION",
        `origins cannot have ${shown}: it is to be as "https://example.com", without a path, or "https://*.example.com"`,
      );
    }
  }
}

/**
 * Whether `policy` lets this request in. One without `Origin` always is: it does not come from a browser, and anything
 * else could send whatever `Origin` it likes.
 */
export function isOriginAllowed(policy: OriginPolicy, request: HandshakeRequest): boolean {
  if (request.origin === undefined || policy === "dangerously-allow-any-origin") return true;
  const origin = parseOrigin(request.origin);
  if (typeof policy === "function") {
    // What is neither an origin nor `null`, such as a list of several, is not worth a question.
    if (origin === undefined && request.origin !== "null") return false;
    return policy(request.origin, request) === true;
  }
  if (origin === undefined) return false;
  return policy === "same-origin"
    ? isSameOrigin(origin, request.host)
    : policy.some((entry) => matchesEntry(origin, entry));
}

interface Origin extends Authority {
  readonly scheme: string;
}

/**
 * Host and port only. Schemes are not compared: where TLS ends at a proxy the page is `https:` and the request that
 * arrives here is not. For the same reason a port that is not written is the default one of the page's scheme.
 */
function isSameOrigin(origin: Origin, hostHeader: string): boolean {
  if (origin.scheme !== "http" && origin.scheme !== "https") return false;
  const host = parseAuthority(hostHeader);
  const defaultPort = defaultPortOf(origin.scheme);
  return (
    host !== undefined &&
    host.host === origin.host &&
    (host.port ?? defaultPort) === (origin.port ?? defaultPort)
  );
}

function matchesEntry(origin: Origin, entry: string): boolean {
  const allowed = parseEntry(entry);
  if (allowed === undefined || allowed.scheme !== origin.scheme) return false;
  const defaultPort = defaultPortOf(origin.scheme);
  if ((allowed.port ?? defaultPort) !== (origin.port ?? defaultPort)) return false;
  return allowed.subdomains
    ? origin.host.length > allowed.host.length + 1 && origin.host.endsWith(`.${allowed.host}`)
    : origin.host === allowed.host;
}

const WILDCARD = "://*.";

/** An entry of the allow-list: an origin, or all subdomains of one. */
function parseEntry(entry: string): (Origin & { readonly subdomains: boolean }) | undefined {
  const wildcard = entry.indexOf(WILDCARD);
  const plain =
    wildcard === -1 ? entry : `${entry.slice(0, wildcard)}://${entry.slice(wildcard + WILDCARD.length)}`;
  // `*` is a legal character of a host name, but here it can only be a wildcard in the wrong place.
  if (plain.includes("*")) return undefined;
  const origin = parseOrigin(plain);
  return origin === undefined ? undefined : { ...origin, subdomains: wildcard !== -1 };
}

/** Reads `scheme://host[:port]` (RFC 6454 §6.2). Schemes of applications, such as `chrome-extension`, are origins too. */
function parseOrigin(text: string): Origin | undefined {
  const separator = text.indexOf("://");
  if (separator < 1) return undefined;
  const scheme = text.slice(0, separator).toLowerCase();
  const authority = parseAuthority(text.slice(separator + 3));
  return authority === undefined || !isScheme(scheme) ? undefined : { scheme, ...authority };
}

/** RFC 3986 §3.1, for a text in lower case. */
function isScheme(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    const isLetter = char >= "a" && char <= "z";
    if (!isLetter && (i === 0 || !"0123456789+-.".includes(char))) return false;
  }
  return true;
}

function defaultPortOf(scheme: string): number | undefined {
  if (scheme === "http") return 80;
  return scheme === "https" ? 443 : undefined;
}
