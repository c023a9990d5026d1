import type { HandshakeErrorCode } from "../../core/error-codes.js";
import { HandshakeError, UsageError } from "../../core/hawser-error.js";
import {
  checkDeflateAnswer,
  type DeflateOptions,
  type DeflateParameters,
} from "../extensions/deflate-negotiation.js";
import { parseExtensions } from "../extensions/extension-grammar.js";
import { parseAuthority } from "./authority.js";
import type { ResponseHead } from "./head-parser.js";
import { assertFields, headText } from "./head-text.js";
import type { HeaderList } from "./header-list.js";
import { equalsIgnoringAsciiCase, isToken, listsInclude, trimWhitespace } from "./http-token.js";
import { isOriginForm } from "./origin-form.js";
import { isWebSocketKey } from "./websocket-key.js";

/** The server's part of an opening handshake that succeeded. */
export interface HandshakeResponse {
  /** The subprotocol the server chose, if it chose one. */
  readonly protocol: string | undefined;
  /** The parameters of permessage-deflate, if the server accepted it. */
  readonly deflate: DeflateParameters | undefined;
  /** `Sec-WebSocket-Extensions` as it was sent; "" if it was not. */
  readonly extensions: string;
  readonly headers: HeaderList;
}

/** What the handshake itself says in a request, and no caller may say again. */
const RESERVED_IN_REQUEST: readonly string[] = [
  "Sec-WebSocket-",
  "Host",
  "Upgrade",
  "Connection",
  "Origin",
  "Content-Length",
  "Transfer-Encoding",
];

/**
 * The head of a client's opening handshake (RFC 6455 §4.1), to be written as latin1. A {@link UsageError} says which
 * part of the input cannot stand there.
 */
export function requestHead(input: {
  /** Path and query of the URL, percent-encoded, without its fragment. */
  target: string;
  /** Host of the URL, with the port where it is not the default one. */
  host: string;
  /** 16 random bytes in base64, new for each connection. */
  key: string;
  /** The subprotocols offered, the preferred one first. Default: none. */
  protocols?: readonly string[] | undefined;
  /** The extensions offered, as the value of the header. Default: none. */
  extensions?: string | undefined;
  /** The value of `Origin`. Default: none, since only browsers must send one. */
  origin?: string | undefined;
  /** More header fields, as a flat list. Default: none. */
  headers?: readonly string[] | undefined;
}): string {
  const { target, host, key, protocols = [], extensions, origin, headers = [] } = input;
  if (!isOriginForm(target)) throw new UsageError("INVALID_URL", "The request target is not a path");
  if (parseAuthority(host) === undefined) throw new UsageError("INVALID_URL", "The host is malformed");
  if (!isWebSocketKey(key)) throw new UsageError("INVALID_OPTION", "The key is not 16 bytes in base64");
  if (extensions !== undefined && parseExtensions(extensions) === undefined) {
    throw new UsageError("INVALID_HEADER", "The list of extensions is malformed");
  }
  assertProtocols(protocols);
  assertFields(headers, RESERVED_IN_REQUEST);

  const fields = ["Host", host, "Upgrade", "websocket", "Connection", "Upgrade"];
  fields.push("Sec-WebSocket-Key", key, "Sec-WebSocket-Version", "13");
  if (protocols.length > 0) fields.push("Sec-WebSocket-Protocol", protocols.join(", "));
  if (extensions !== undefined && extensions !== "") fields.push("Sec-WebSocket-Extensions", extensions);
  if (origin !== undefined) fields.push("Origin", origin);
  assertFields(fields);
  return headText(`GET ${target} HTTP/1.1`, [...fields, ...headers]);
}

/** Throws a {@link UsageError} `INVALID_PROTOCOL_NAME` unless these are distinct tokens (RFC 6455 §4.1 item 10). */
export function assertProtocols(protocols: readonly string[]): void {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (typeof protocol !== "string" || !isToken(protocol)) {
      throw new UsageError("INVALID_PROTOCOL_NAME", `Not a subprotocol name: ${JSON.stringify(protocol)}`);
    }
    if (seen.has(protocol)) throw new UsageError("INVALID_PROTOCOL_NAME", `${protocol} is offered twice`);
    seen.add(protocol);
  }
}

/** What the client offered, to hold the answer against. */
export interface ExpectedResponse {
  /** What `acceptKey` makes of the key that was sent. */
  readonly acceptKey: string;
  /** The subprotocols offered. */
  readonly protocols: readonly string[];
  /**
   * Whether the server must choose one of `protocols`. Default false, as in RFC 6455: the client may be content without
   * one. Browsers do require it. Nothing is required where nothing was offered.
   */
  readonly requireProtocol?: boolean | undefined;
  /** The options `deflateOffer` was made from; undefined if permessage-deflate was not offered. */
  readonly deflateOffer: DeflateOptions | undefined;
}

/**
 * Checks the server's answer (RFC 6455 §4.1). All of it, and not the status alone: proxies that only look for a 101
 * have been used to smuggle requests. The error carries the status and header fields of the answer.
 */
export function readResponse(
  head: ResponseHead,
  expected: ExpectedResponse,
): HandshakeResponse | HandshakeError {
  return checkUpgrade(head) ?? checkAccept(head, expected.acceptKey) ?? readNegotiated(head, expected);
}

/** The part of an answer that says how a request was refused or negotiated. */
export type NegotiatedHead = Pick<ResponseHead, "status" | "headers">;

/** The part of an answer that is the same in every version of HTTP (RFC 8441 §5). */
export function readNegotiated(
  head: NegotiatedHead,
  expected: Omit<ExpectedResponse, "acceptKey">,
): HandshakeResponse | HandshakeError {
  const protocol = readProtocol(head, expected);
  if (protocol instanceof HandshakeError) return protocol;
  return readExtensions(head, protocol, expected.deflateOffer);
}

function checkUpgrade(head: ResponseHead): HandshakeError | undefined {
  const { headers } = head;
  if (head.status !== 101) {
    return fail(head, "UNEXPECTED_STATUS", `The server answered with status ${head.status} and not 101`);
  }
  // RFC 9110 §15.2.2: HTTP/1.0 has no 101, so whoever sent this does not know what it says.
  if (head.httpVersion !== "1.1") return fail(head, "HTTP_VERSION", "The server answered in HTTP/1.0");
  const upgrades = headers.getAll("upgrade");
  if (upgrades.length !== 1 || !equalsIgnoringAsciiCase(upgrades[0]!, "websocket")) {
    return fail(head, "INVALID_UPGRADE", "The Upgrade of the answer is not websocket");
  }
  if (!listsInclude(headers.getAll("connection"), "upgrade")) {
    return fail(head, "INVALID_CONNECTION", "The Connection of the answer does not name Upgrade");
  }
  return undefined;
}

function checkAccept(head: ResponseHead, acceptKey: string): HandshakeError | undefined {
  const accepts = head.headers.getAll("sec-websocket-accept");
  // §4.1: "ignoring any leading and trailing whitespace".
  if (accepts.length !== 1 || trimWhitespace(accepts[0]!) !== acceptKey) {
    return fail(head, "INVALID_ACCEPT", "Sec-WebSocket-Accept is not the one for our key");
  }
  return undefined;
}

function readProtocol(
  head: NegotiatedHead,
  expected: Omit<ExpectedResponse, "acceptKey">,
): string | undefined | HandshakeError {
  const [protocol, second] = head.headers.getAll("sec-websocket-protocol");
  if (second !== undefined) return fail(head, "INVALID_PROTOCOLS", "The server chose several subprotocols");
  if (protocol === undefined) {
    return expected.requireProtocol === true && expected.protocols.length > 0
      ? fail(head, "MISSING_PROTOCOL", "The server chose none of the subprotocols offered")
      : undefined;
  }
  // A list of several is no token, and so is not among those offered.
  if (!expected.protocols.includes(protocol)) {
    return fail(head, "UNREQUESTED_PROTOCOL", "The server chose a subprotocol that was not offered");
  }
  return protocol;
}

function readExtensions(
  head: NegotiatedHead,
  protocol: string | undefined,
  deflateOffer: DeflateOptions | undefined,
): HandshakeResponse | HandshakeError {
  const extensions = head.headers.get("sec-websocket-extensions") ?? "";
  const answer = parseExtensions(extensions);
  if (answer === undefined) return fail(head, "INVALID_EXTENSIONS", "Sec-WebSocket-Extensions is malformed");
  if (answer.length > 0 && deflateOffer === undefined) {
    return fail(head, "UNREQUESTED_EXTENSION", "The server chose an extension, and none was offered");
  }
  const deflate = deflateOffer === undefined ? undefined : checkDeflateAnswer(answer, deflateOffer);
  if (deflate instanceof HandshakeError) return fail(head, deflate.code, deflate.message);
  return { protocol, deflate, extensions, headers: head.headers };
}

function fail(head: NegotiatedHead, code: HandshakeErrorCode, message: string): HandshakeError {
  return new HandshakeError(code, head.status, message, head.headers.raw);
}
