/** RFC 6455 §1.3: the identifier that no endpoint without a notion of WebSocket would append to a key. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * The `Sec-WebSocket-Accept` that belongs to a `Sec-WebSocket-Key` (RFC 6455 §4.2.2 item 5.4).
 *
 * `sha1Base64` is the host's SHA-1 of an ASCII text, in base64. SHA-1 protects nothing here: it only shows that
 * the other side read the key as a WebSocket endpoint.
 */
export function acceptKey(key: string, sha1Base64: (text: string) => string): string {
  return sha1Base64(key + GUID);
}
