import { isIP } from "node:net";
import { UsageError } from "../core/hawser-error.js";

/** Where connections go. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  /** The value for `Host`. */
  readonly authority: string;
  /** Path and query. */
  readonly path: string;
  /** The name for TLS; undefined for an address, which is no name (RFC 6066 §3). */
  readonly servername: string | undefined;
}

/**
 * Reads a `ws:` or `wss:` URL.
 *
 * @throws {@link UsageError} `INVALID_URL` for anything else.
 */
export function loadTarget(input: string): LoadTarget {
  const url = URL.canParse(input) ? new URL(input) : undefined;
  if (url === undefined || (url.protocol !== "ws:" && url.protocol !== "wss:") || url.hash !== "") {
    throw new UsageError("INVALID_URL", `Not a ws: or wss: URL: ${input}`);
  }
  const isSecure = url.protocol === "wss:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return {
    host,
    port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
    isSecure,
    authority: url.host,
    path: `${url.pathname}${url.search}`,
    servername: isIP(host) === 0 ? host : undefined,
  };
}
