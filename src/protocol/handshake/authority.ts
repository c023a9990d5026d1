/** A host and port as in `Host` and `Origin`. */
export interface Authority {
  /** The host in lower case, an IPv6 address with its brackets. */
  readonly host: string;
  /** The port, or undefined where none is written. */
  readonly port: number | undefined;
}

const REG_NAME_PUNCTUATION = "-._~!$&'()*+,;=";

/**
 * Reads `host [":" port]` (RFC 3986 §3.2.2, §3.2.3); undefined if it is malformed. User information and an empty
 * host, which the grammar of URIs knows, make no sense in a `Host` and are refused.
 */
export function parseAuthority(text: string): Authority | undefined {
  const hostEnd = text.startsWith("[") ? endOfIpv6Literal(text) : endOfRegName(text);
  if (hostEnd === undefined || hostEnd === 0) return undefined;
  const host = text.slice(0, hostEnd).toLowerCase();
  if (hostEnd === text.length) return { host, port: undefined };
  if (text[hostEnd] !== ":") return undefined;
  const port = parsePort(text, hostEnd + 1);
  return port === undefined ? undefined : { host, port: port === "empty" ? undefined : port };
}

function endOfRegName(text: string): number | undefined {
  let i = 0;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === 0x25) {
      if (!isHexDigit(text.charCodeAt(i + 1)) || !isHexDigit(text.charCodeAt(i + 2))) return undefined;
      i += 3;
    } else if (isAlphanumeric(code) || REG_NAME_PUNCTUATION.includes(text[i]!)) {
      i++;
    } else {
      break;
    }
  }
  return i;
}

/** The index after `]`. Which groups an address may have is left to whoever resolves it. */
function endOfIpv6Literal(text: string): number | undefined {
  let colons = 0;
  for (let i = 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5d) return colons >= 2 ? i + 1 : undefined;
    if (code === 0x3a) colons++;
    else if (code !== 0x2e && !isHexDigit(code)) return undefined;
  }
  return undefined;
}

/** An empty port (`example.com:`) is in the grammar and means the default one. */
function parsePort(text: string, start: number): number | "empty" | undefined {
  if (start === text.length) return "empty";
  let port = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return undefined;
    port = port * 10 + (code - 0x30);
    if (port > 65_535) return undefined;
  }
  return port;
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}
