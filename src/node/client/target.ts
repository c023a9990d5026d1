import { UsageError } from "../../core/hawser-error.js";

/** Where `connect()` goes, read from its URL. */
export interface Target {
  /** A `ws:` or `wss:` URL without credentials and fragment; `ws://localhost/...` for a Unix socket. */
  readonly url: URL;
  /** Whether TLS is spoken. */
  readonly isSecure: boolean;
  /** The host, an IPv6 address without its brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The Unix socket to use instead of host and port. */
  readonly socketPath: string | undefined;
  /** The credentials of the URL as a value of `Authorization`. */
  readonly authorization: string | undefined;
  /** The URL to show: as it was given, without its credentials. */
  readonly href: string;
}

/** RFC 9110 knows the schemes of HTTP, RFC 6455 §3 those of WebSocket: for us they mean the same. */
const SCHEMES: ReadonlyMap<string, "ws:" | "wss:"> = new Map([
  ["ws:", "ws:"],
  ["wss:", "wss:"],
  ["http:", "ws:"],
  ["https:", "wss:"],
]);

/**
 * Reads the URL given to `connect()`.
 * @throws {@link UsageError} `INVALID_URL`, `INVALID_OPTION` for two Unix sockets at once.
 */
export function targetOf(input: string | URL, socketPath: string | undefined): Target {
  const url = parse(input);
  // Not `hash`, which is empty for a fragment that is empty too (RFC 6455 §3).
  if (url.href.includes("#")) throw new UsageError("INVALID_URL", "A WebSocket URL has no fragment");
  if (url.protocol !== "ws+unix:") return networkTarget(url, socketPath);
  if (socketPath !== undefined) {
    throw new UsageError("INVALID_OPTION", "socketPath and a ws+unix: URL name two sockets");
  }
  return unixTarget(url);
}

/** The target of a `ws:`, `wss:`, `http:` or `https:` URL, which is changed. */
export function networkTarget(url: URL, socketPath: string | undefined): Target {
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) {
    throw new UsageError(
      "INVALID_URL",
      `The scheme ${url.protocol} is not ws:, wss:, http:, https: or ws+unix:`,
    );
  }
  url.protocol = scheme;
  const authorization = basicAuthorization(url);
  url.username = "";
  url.password = "";
  const isSecure = scheme === "wss:";
  return {
    url,
    isSecure,
    hostname: withoutBrackets(url.hostname),
    port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
    socketPath,
    authorization,
    href: url.href,
  };
}

/** `ws+unix:/path/to.sock:/target`, as the package `ws` writes it. Without a target it is `/`. */
function unixTarget(url: URL): Target {
  const colon = url.pathname.indexOf(":");
  const path = colon === -1 ? url.pathname : url.pathname.slice(0, colon);
  const target = colon === -1 ? "/" : url.pathname.slice(colon + 1);
  if (url.host !== "" || !path.startsWith("/") || !target.startsWith("/")) {
    throw new UsageError("INVALID_URL", "A Unix socket is written as ws+unix:/path/to.sock:/target");
  }
  const inner = networkTarget(parse(`ws://localhost${target}${url.search}`), decode(path));
  return { ...inner, href: url.href };
}

/** Whether credentials for one may be shown to the other: same scheme, host, port and socket (RFC 6454 §5). */
export function isSameOrigin(a: Target, b: Target): boolean {
  return a.url.protocol === b.url.protocol && a.url.host === b.url.host && a.socketPath === b.socketPath;
}

/** The credentials of `url` as Basic authorization (RFC 7617, in UTF-8); undefined if it has none. */
export function basicAuthorization(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const credentials = `${decode(url.username)}:${decode(url.password)}`;
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}

/** The host as sockets want it: an IPv6 address without brackets. */
export function withoutBrackets(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function parse(input: string | URL): URL {
  const text = String(input);
  if (URL.canParse(text)) return new URL(text);
  // Node's own error holds the text, and so perhaps a password.
  throw new UsageError("INVALID_URL", text.includes("@") ? "Not a URL" : `Not a URL: ${text}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError("INVALID_URL", "The URL has a malformed percent-encoding");
  }
}
