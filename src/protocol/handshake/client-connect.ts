import { HandshakeError, UsageError } from "../../core/hawser-error.js";
import { parseExtensions } from "../extensions/extension-grammar.js";
import { parseAuthority } from "./authority.js";
import {
  assertProtocols,
  type ExpectedResponse,
  type HandshakeResponse,
  type NegotiatedHead,
  readNegotiated,
} from "./client-handshake.js";
import { lowerNames } from "./connect-head.js";
import { assertFields } from "./head-text.js";
import { isOriginForm } from "./origin-form.js";

/** What the handshake itself says in a request, or HTTP/2 forbids (RFC 9113 §8.2.2), and no caller may say. */
const RESERVED_IN_REQUEST: readonly string[] = [
  "Sec-WebSocket-",
  "Host",
  "Upgrade",
  "Connection",
  "Keep-Alive",
  "Proxy-Connection",
  "TE",
  "Origin",
  "Content-Length",
  "Transfer-Encoding",
];

/**
 * The fields of a client's opening handshake over HTTP/2 (RFC 8441 §5), as a flat list with the pseudo header fields first
 * and names in lower case. A {@link UsageError} says which part of the input cannot stand there.
 */
export function connectFields(input: {
  /** Path and query of the URL, percent-encoded, without its fragment. */
  target: string;
  /** Host of the URL, with the port where it is not the default one. */
  host: string;
  /** Whether the URL is a `wss:` one: `:scheme` is then `https`. */
  isSecure: boolean;
  /** The subprotocols offered, the preferred one first. Default: none. */
  protocols?: readonly string[] | undefined;
  /** The extensions offered, as the value of the header. Default: none. */
  extensions?: string | undefined;
  /** The value of `Origin`. Default: none, since only browsers must send one. */
  origin?: string | undefined;
  /** More header fields, as a flat list. Default: none. */
  headers?: readonly string[] | undefined;
}): string[] {
  const { target, host, isSecure, protocols = [], extensions, origin, headers = [] } = input;
  if (!isOriginForm(target)) throw new UsageError("INVALID_URL", "The request target is not a path");
  if (parseAuthority(host) === undefined) throw new UsageError("INVALID_URL", "The host is malformed");
  if (extensions !== undefined && parseExtensions(extensions) === undefined) {
    throw new UsageError("INVALID_HEADER", "The list of extensions is malformed");
  }
  assertProtocols(protocols);
  assertFields(headers, RESERVED_IN_REQUEST);
  const fields = ["sec-websocket-version", "13"];
  if (protocols.length > 0) fields.push("sec-websocket-protocol", protocols.join(", "));
  if (extensions !== undefined && extensions !== "") fields.push("sec-websocket-extensions", extensions);
  if (origin !== undefined) fields.push("origin", origin);
  assertFields(fields);
  return [
    ...[":method", "CONNECT", ":protocol", "websocket"],
    ...[":scheme", isSecure ? "https" : "http", ":authority", host, ":path", target],
    ...fields,
    ...lowerNames(headers),
  ];
}

/**
 * Checks the server's answer to an extended CONNECT (RFC 8441 §5): any 2xx opens the tunnel (RFC 9110 §9.3.6), and of the
 * header fields those count that negotiate. `Sec-WebSocket-Accept` is not looked at. The error carries the status and
 * header fields of the answer.
 */
export function readConnectAnswer(
  head: NegotiatedHead,
  expected: Omit<ExpectedResponse, "acceptKey">,
): HandshakeResponse | HandshakeError {
  const { status, headers } = head;
  if (status < 200 || status > 299) {
    const message = `The server answered with status ${status} and not 200`;
    return new HandshakeError("UNEXPECTED_STATUS", status, message, headers.raw);
  }
  return readNegotiated(head, expected);
}
