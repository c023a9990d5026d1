/**
 * The small grammar that HTTP header fields share (RFC 9110 §5.6). Everything here walks its text once, character
 * by character: regular expressions over peer-controlled headers have been a denial of service too often.
 */

const HTAB = 0x09;
const SPACE = 0x20;
const COMMA = 0x2c;

/** 1 for each `tchar` of RFC 9110 §5.6.2, indexed by character code. */
const TOKEN_CHARS: Uint8Array = tokenCharTable();

function tokenCharTable(): Uint8Array {
  const table = new Uint8Array(128);
  const chars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (let i = 0; i < chars.length; i++) table[chars.charCodeAt(i)] = 1;
  return table;
}

/** Whether this character code may stand in a token. */
export function isTokenChar(code: number): boolean {
  return TOKEN_CHARS[code] === 1;
}

/** Whether `text` is a token: one or more `tchar` (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let i = 0; i < text.length; i++) {
    if (!isTokenChar(text.charCodeAt(i))) return false;
  }
  return true;
}

/** Whether every character of `text` is visible ASCII: no space, no control, nothing above `~`. */
export function isVisibleAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= SPACE || code >= 0x7f) return false;
  }
  return true;
}

/**
 * Whether `text` can stand in a header value or a reason phrase: HTAB, SP, visible ASCII and obs-text
 * (RFC 9110 §5.5). Above 0xFF there is no latin1 byte, and cutting a character down to one could make a line end.
 */
export function isFieldText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < SPACE && code !== HTAB) || code === 0x7f || code > 0xff) return false;
  }
  return true;
}

/** Whether this character code is optional whitespace, SP or HTAB (RFC 9110 §5.6.3). */
export function isWhitespace(code: number): boolean {
  return code === SPACE || code === HTAB;
}

/** `text` without SP and HTAB at its ends. `String.trim` would also take U+00A0, which is data in a header. */
export function trimWhitespace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function foldAsciiCase(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
}

/**
 * Whether two texts are equal but for the case of A-Z. Not `toLowerCase`: that maps U+212A to `k` and would let a
 * name that is no `Sec-WebSocket-Key` pass for one.
 */
export function equalsIgnoringAsciiCase(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (foldAsciiCase(a.charCodeAt(i)) !== foldAsciiCase(b.charCodeAt(i))) return false;
  }
  return true;
}

/** The elements of a comma-separated list without quoted strings; empty ones are skipped (RFC 9110 §5.6.1.2). */
export function splitList(value: string): string[] {
  const elements: string[] = [];
  let start = 0;
  for (let i = 0; i <= value.length; i++) {
    if (i < value.length && value.charCodeAt(i) !== COMMA) continue;
    const element = trimWhitespace(value.slice(start, i));
    if (element !== "") elements.push(element);
    start = i + 1;
  }
  return elements;
}

/** Whether one of the comma-separated lists `values` names `token`, in any case. */
export function listsInclude(values: readonly string[], token: string): boolean {
  return values.some((value) => splitList(value).some((element) => equalsIgnoringAsciiCase(element, token)));
}

/**
 * The tokens of a list that may be spread over several header fields, in order; undefined if there is none, if an
 * element is not a token, or if one is named twice.
 */
export function parseDistinctTokens(values: readonly string[]): string[] | undefined {
  const tokens = new Set<string>();
  for (const value of values) {
    for (const element of splitList(value)) {
      if (!isToken(element) || tokens.has(element)) return undefined;
      tokens.add(element);
    }
  }
  return tokens.size === 0 ? undefined : [...tokens];
}
