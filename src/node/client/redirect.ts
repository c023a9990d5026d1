import { UsageError } from "../../core/hawser-error.js";
import type { ResponseHead } from "../../protocol/handshake/head-parser.js";
import { networkTarget, type Target } from "./target.js";

/** Whether the status sends us elsewhere (RFC 9110 §15.4). The handshake is a GET, so all of them mean the same. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Where a redirect leads, or in words why we do not go there. */
export function redirectTarget(head: Pick<ResponseHead, "headers">, from: Target): Target | string {
  const [location, second] = head.headers.getAll("location");
  if (location === undefined || second !== undefined) return "a redirect without exactly one Location";
  if (!URL.canParse(location, from.url.href)) return "a redirect to what is not a URL";
  const url = new URL(location, from.url.href);
  // RFC 9110 §10.2.2 allows a fragment here; a WebSocket has no use for it.
  url.hash = "";
  const target = read(url);
  if (target === undefined) return `a redirect to the scheme ${url.protocol}`;
  if (from.isSecure && !target.isSecure) return "a redirect from wss: to ws:";
  if (from.socketPath === undefined) return target;
  // A socket in the file system has no network around it to be sent into.
  if (target.url.host !== from.url.host || target.isSecure !== from.isSecure) {
    return "a redirect that leaves the Unix socket";
  }
  return { ...target, socketPath: from.socketPath };
}

function read(url: URL): Target | undefined {
  try {
    return networkTarget(url, undefined);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
