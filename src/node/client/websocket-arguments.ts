import { UsageError } from "../../core/hawser-error.js";
import { assertProtocols } from "../../protocol/handshake/client-handshake.js";

/** The most bytes that the reason of a close frame may have (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/**
 * "Get a URL record" (WebSockets Standard §3.1). There is no base URL on Node.
 * @throws `SyntaxError` as a `DOMException`.
 */
export function urlRecordOf(input: string | URL): URL {
  // 1. Let urlRecord be the result of applying the URL parser to url with baseURL.
  // 2. If urlRecord is failure, then throw a "SyntaxError" DOMException.
  const text = String(input);
  if (!URL.canParse(text)) throw new DOMException("The URL cannot be parsed", "SyntaxError");
  const urlRecord = new URL(text);
  // 3. If urlRecord's scheme is "http", then set urlRecord's scheme to "ws".
  if (urlRecord.protocol === "http:") urlRecord.protocol = "ws:";
  // 4. Otherwise, if urlRecord's scheme is "https", set urlRecord's scheme to "wss".
  else if (urlRecord.protocol === "https:") urlRecord.protocol = "wss:";
  // 5. If urlRecord's scheme is not "ws" or "wss", then throw a "SyntaxError" DOMException.
  if (urlRecord.protocol !== "ws:" && urlRecord.protocol !== "wss:") {
    throw new DOMException(`The scheme ${urlRecord.protocol} is not ws: or wss:`, "SyntaxError");
  }
  // 6. If urlRecord's fragment is non-null, then throw a "SyntaxError" DOMException.
  if (urlRecord.href.includes("#")) {
    throw new DOMException("A WebSocket URL has no fragment", "SyntaxError");
  }
  // 7. Return urlRecord.
  return urlRecord;
}

/**
 * Steps 3 and 4 of the constructor: the list of subprotocols.
 * @throws `SyntaxError` as a `DOMException`.
 */
export function protocolList(protocols: string | Iterable<string>): string[] {
  // WebIDL's `(DOMString or sequence<DOMString>)`: what is not iterable becomes a string.
  const isSequence = typeof protocols === "object" && protocols !== null && Symbol.iterator in protocols;
  // 3. If protocols is a string, set protocols to a sequence consisting of just that string.
  const list = isSequence ? Array.from(protocols, String) : [String(protocols)];
  // 4. If any of the values in protocols occur more than once or otherwise fail to match the requirements for elements
  //    that comprise the value of `Sec-WebSocket-Protocol` fields, then throw a "SyntaxError" DOMException.
  try {
    assertProtocols(list);
  } catch (error) {
    if (error instanceof UsageError) throw new DOMException(error.message, "SyntaxError");
    throw error;
  }
  return list;
}

/**
 * "Validate close code and reason" (WebSockets Standard §3.1).
 * @throws `InvalidAccessError` and `SyntaxError` as `DOMException`.
 */
export function validateClose(code: number | null, reason: string): void {
  // 1. If code is not null, but is neither an integer equal to 1000 nor an integer in the range 3000 to 4999,
  //    inclusive, throw an "InvalidAccessError" DOMException.
  if (code !== null && code !== 1000 && (code < 3000 || code > 4999)) {
    throw new DOMException(`The close code ${code} is neither 1000 nor 3000-4999`, "InvalidAccessError");
  }
  // 2. If reason is not null: let reasonBytes be the result of UTF-8 encoding reason; if it is longer than 123 bytes,
  //    throw a "SyntaxError" DOMException.
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw new DOMException(`The reason is longer than ${MAX_REASON_BYTES} bytes`, "SyntaxError");
  }
}

/** WebIDL's `[Clamp] unsigned short`: into the range, then to the nearest integer, and to the even one of two. */
export function clampToUnsignedShort(value: unknown): number {
  const number = Number(value);
  if (Number.isNaN(number)) return 0;
  const clamped = Math.min(Math.max(number, 0), 65_535);
  const floor = Math.floor(clamped);
  const rest = clamped - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}
