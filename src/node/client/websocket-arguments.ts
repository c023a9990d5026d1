import { UsageError } from "../../core/hawser-error.js";
import { assertProtocols } from "../../protocol/handshake/client-handshake.js";
import { domString, isObject, stringSequence, usvString } from "./web-idl.js";

/** The most bytes that the reason of a close frame may have (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/**
 * "Get a URL record" (WebSockets Standard §3.1). There is no base URL on Node.
 * @throws `SyntaxError` as a `DOMException`.
 */
export function urlRecordOf(input: string | URL): URL {
  const text = usvString(input);
  // 1. Let urlRecord be the result of applying the URL parser to url with baseURL.
  // 2. If urlRecord is failure, then throw a "SyntaxError" DOMException.
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

/** WebIDL's `(DOMString or sequence<DOMString>)`: an object with an iterator is a sequence, all else becomes a string. */
export function stringOrSequence(value: unknown): string | string[] {
  const hasIterator = isObject(value) && Reflect.get(value, Symbol.iterator) != null;
  return hasIterator ? stringSequence(value) : domString(value);
}

/**
 * The check of subprotocols, a step of both constructors: "If any of the values in protocols occur more than once or
 * otherwise fail to match the requirements for elements that comprise the value of `Sec-WebSocket-Protocol` fields as
 * defined by The WebSocket Protocol, then throw a "SyntaxError" DOMException."
 * @throws `SyntaxError` as a `DOMException`.
 */
export function checkProtocols(protocols: readonly string[]): void {
  try {
    assertProtocols(protocols);
  } catch (error) {
    if (error instanceof UsageError) throw new DOMException(error.message, "SyntaxError");
    throw error;
  }
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
  // 2. If reason is not null, then:
  // 2.1. Let reasonBytes be the result of UTF-8 encoding reason.
  // 2.2. If reasonBytes is longer than 123 bytes, then throw a "SyntaxError" DOMException.
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw new DOMException(`The reason is longer than ${MAX_REASON_BYTES} bytes`, "SyntaxError");
  }
}
