import { cannotBe } from "../../core/cannot-be.js";

/**
 * What a URL of a session has to be, as `URL` writes it, without a fragment. `fetch` takes no names and passwords, and they do not
 * belong into something that gets logged.
 */
const SESSION_URL = /^(?:ws|http)(s?:\/\/[^/@]+\/[^#]*)/;

/**
 * The URL of a session's WebSocket: `ws:` or `wss:`, without a fragment.
 * @param base what a relative one is relative to.
 * @throws `UsageError` `INVALID_URL`.
 */
export function sessionUrl(url: string | URL, base?: string): string {
  try {
    return `ws${SESSION_URL.exec(new URL(url, base).href)![1]!}`;
  } catch {
    throw cannotBe("INVALID_URL", "url", String(url).replace(/.*@/s, "...@"));
  }
}
