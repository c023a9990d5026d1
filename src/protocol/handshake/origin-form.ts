import { isVisibleAscii } from "./http-token.js";

/**
 * Whether `target` is in origin form, a path and perhaps a query (RFC 9112 §3.2.1), without a fragment
 * (RFC 6455 §3). Visible ASCII is enough: browsers leave some characters that RFC 3986 wants encoded, such as `|`.
 */
export function isOriginForm(target: string): boolean {
  return target.startsWith("/") && isVisibleAscii(target) && !target.includes("#");
}
