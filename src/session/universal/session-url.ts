import { UsageError } from "../../core/hawser-error.js";

/**
 * The URL of a session's WebSocket: `ws:` or `wss:`, without a fragment.
 * @param base what a relative one is relative to.
 * @throws `UsageError` `INVALID_URL`.
 */
export function sessionUrl(url: string | URL, base?: string): URL {
  let target: URL | undefined;
  try {
    target = new URL(url, base);
  } catch {
    // Said below.
  }
  // `fetch` takes no names and passwords, and they do not belong into something that gets logged.
  if (
    target === undefined ||
    !/^(ws|http)s?:$/.test(target.protocol) ||
    target.username + target.password !== ""
  )
    throw new UsageError("INVALID_URL", `not a URL of a session: ${String(url)}`);
  return new URL(target.href.replace(/^http/, "ws").replace(/#.*/, ""));
}
