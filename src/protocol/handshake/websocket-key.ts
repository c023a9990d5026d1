/** 16 bytes in base64: 21 digits, one digit of which only the upper two bits count, and `==`. */
const KEY_CHARS = 24;

/**
 * Whether `key` is 16 bytes in canonical base64, as `Sec-WebSocket-Key` must be (RFC 6455 §4.1 item 7).
 *
 * The example `AQIDBAUGBwgJCgsMDQ4PEC==` there is not canonical; erratum 3150 corrects it to `...PEA==`.
 */
export function isWebSocketKey(key: string): boolean {
  if (key.length !== KEY_CHARS || !key.endsWith("==")) return false;
  for (let i = 0; i < KEY_CHARS - 2; i++) {
    if (!isBase64Digit(key.charCodeAt(i))) return false;
  }
  // The lower four bits of the last digit are beyond the 16 bytes, and zero in A, Q, g and w only.
  return "AQgw".includes(key[KEY_CHARS - 3]!);
}

function isBase64Digit(code: number): boolean {
  return (
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x2f && code <= 0x39) || // "/" stands right before "0"
    code === 0x2b
  );
}
