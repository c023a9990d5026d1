import type { HandshakeErrorCode } from "../../core/error-codes.js";
import { HandshakeError, UsageError } from "../../core/hawser-error.js";
import { type ExtensionOffer, parseExtensions } from "../extensions/extension-grammar.js";
import { parseAuthority } from "./authority.js";
import type { RequestHead } from "./head-parser.js";
import { assertFields, assertFieldText, headText } from "./head-text.js";
import { HeaderList } from "./header-list.js";
import { isToken, listsInclude, parseDistinctTokens } from "./http-token.js";
import { isOriginForm } from "./origin-form.js";
import { reasonPhrase } from "./reason-phrases.js";
import { isWebSocketKey } from "./websocket-key.js";

/** The opening handshake of a client, with everything RFC 6455 §4.2.1 names checked. */
export interface HandshakeRequest {
  /** `Sec-WebSocket-Key`; "" over HTTP/2, which has none. */
  readonly key: string;
  /** `Host`, or `:authority` over HTTP/2, as it was sent. */
  readonly host: string;
  /** `Origin`, as it was sent; undefined means that the client is not a browser (§10.2). Not yet judged. */
  readonly origin: string | undefined;
  /** The request target: path and query. Do not resolve it against a base URL: `//host` is a legal path. */
  readonly target: string;
  /** The target up to its first `?`, still percent-encoded. */
  readonly path: string;
  /** The target after its first `?`, still percent-encoded; "" if there is none. */
  readonly query: string;
  /** The subprotocols offered, in the client's order of preference. */
  readonly protocols: readonly string[];
  /** The extensions offered, in the client's order of preference. */
  readonly extensions: readonly ExtensionOffer[];
  readonly headers: HeaderList;
}

/** RFC 9110 §15.5.22: a 426 must say which protocol to upgrade to; §4.4: and here with which version. */
const UPGRADE_FIELDS: readonly string[] = ["Upgrade", "websocket"];
const VERSION_FIELDS: readonly string[] = ["Sec-WebSocket-Version", "13"];

/**
 * Reads a request as the opening handshake of a client (RFC 6455 §4.2.1). The error carries the status and the header
 * fields to refuse it with. Whether the origin is allowed, and whether anything is at this path, is not decided here.
 */
export function readRequest(head: RequestHead): HandshakeRequest | HandshakeError {
  const { target, headers } = head;
  return (
    checkRequestLine(head) ??
    checkUpgrade(headers) ??
    readNegotiation(target, headers.get("host")!, headers.get("sec-websocket-key")!, headers)
  );
}

function checkRequestLine({ method, target, httpVersion, headers }: RequestHead): HandshakeError | undefined {
  // Not 400: 505 is for a version the server "refuses to support" (RFC 9110 §15.6.6), and alone says what is wrong.
  if (httpVersion !== "1.1") return refuse("HTTP_VERSION", 505, "The handshake needs HTTP/1.1");
  if (method !== "GET") {
    return refuse("METHOD_NOT_ALLOWED", 405, "The method of a handshake is GET", ["Allow", "GET"]);
  }
  // Absolute form is refused though RFC 9112 §3.2.2 has servers accept it: its host may differ from `Host`, and
  // proxies in front that look at one, while the application looks at the other, are open to smuggling.
  if (!isOriginForm(target)) return refuse("INVALID_TARGET", 400, "The request target is not in origin form");
  const hosts = headers.getAll("host");
  if (hosts.length !== 1 || parseAuthority(hosts[0]!) === undefined) {
    return refuse("INVALID_HOST", 400, "A handshake has exactly one valid Host");
  }
  return checkBody(headers);
}

/** A body would be read as the first frames, by whoever takes its length differently from us. */
export function checkBody(headers: HeaderList): HandshakeError | undefined {
  const hasBody = headers.getAll("content-length").some((length) => length !== "0");
  if (hasBody || headers.has("transfer-encoding")) {
    return refuse("UNEXPECTED_BODY", 400, "A handshake has no body");
  }
  return undefined;
}

function checkUpgrade(headers: HeaderList): HandshakeError | undefined {
  if (!listsInclude(headers.getAll("upgrade"), "websocket")) {
    return refuse("INVALID_UPGRADE", 426, "Upgrade does not name websocket", UPGRADE_FIELDS);
  }
  if (!listsInclude(headers.getAll("connection"), "upgrade")) {
    return refuse("INVALID_CONNECTION", 400, "Connection does not name Upgrade");
  }
  // Before the key, since the drafts that had other versions had other keys.
  const versions = headers.getAll("sec-websocket-version");
  if (versions.length > 1) {
    return refuse("UNSUPPORTED_VERSION", 400, "Sec-WebSocket-Version is repeated", VERSION_FIELDS);
  }
  if (versions[0] !== "13") {
    const fields = [...UPGRADE_FIELDS, ...VERSION_FIELDS];
    return refuse("UNSUPPORTED_VERSION", 426, "Sec-WebSocket-Version is not 13", fields);
  }
  const keys = headers.getAll("sec-websocket-key");
  if (keys.length !== 1 || !isWebSocketKey(keys[0]!)) {
    return refuse("INVALID_KEY", 400, "Sec-WebSocket-Key is not 16 bytes in base64");
  }
  return undefined;
}

/** The part of a handshake that is the same in every version of HTTP (RFC 8441 §5). */
export function readNegotiation(
  target: string,
  host: string,
  key: string,
  headers: HeaderList,
): HandshakeRequest | HandshakeError {
  const origins = headers.getAll("origin");
  if (origins.length > 1) return refuse("ORIGIN_NOT_ALLOWED", 403, "Origin is repeated");

  const protocolLists = headers.getAll("sec-websocket-protocol");
  const protocols = protocolLists.length === 0 ? [] : parseDistinctTokens(protocolLists);
  if (protocols === undefined) {
    return refuse("INVALID_PROTOCOLS", 400, "Sec-WebSocket-Protocol is not a list of distinct tokens");
  }
  const extensionList = headers.get("sec-websocket-extensions");
  const extensions = extensionList === undefined ? [] : parseExtensions(extensionList);
  if (extensions === undefined) {
    return refuse("INVALID_EXTENSIONS", 400, "Sec-WebSocket-Extensions is malformed");
  }
  const queryMark = target.indexOf("?");
  return {
    key,
    host,
    origin: origins[0],
    target,
    path: queryMark === -1 ? target : target.slice(0, queryMark),
    query: queryMark === -1 ? "" : target.slice(queryMark + 1),
    protocols,
    extensions,
    headers,
  };
}

function refuse(
  code: HandshakeErrorCode,
  status: number,
  message: string,
  fields: readonly string[] = [],
): HandshakeError {
  return new HandshakeError(code, status, message, fields);
}

/** What the handshake itself says in a 101, and no caller may say again. */
const RESERVED_IN_ACCEPTANCE: readonly string[] = [
  "Sec-WebSocket-",
  "Upgrade",
  "Connection",
  "Content-Length",
  "Transfer-Encoding",
];

/**
 * The head that accepts a handshake (RFC 6455 §4.2.2 item 5), to be written as latin1. A {@link UsageError}
 * `INVALID_HEADER` or `INVALID_PROTOCOL_NAME` if a part of it cannot stand there.
 */
export function acceptHead(input: {
  /** What `acceptKey` made of the client's key. */
  acceptKey: string;
  /** The subprotocol chosen. Default: none. */
  protocol?: string | undefined;
  /** The extensions accepted, as the value of the header. Default: none. */
  extensions?: string | undefined;
  /** More header fields, as a flat list. Default: none. */
  headers?: readonly string[] | undefined;
}): string {
  const { acceptKey, protocol, extensions, headers = [] } = input;
  if (protocol !== undefined && !isToken(protocol)) {
    throw new UsageError("INVALID_PROTOCOL_NAME", `Not a subprotocol name: ${JSON.stringify(protocol)}`);
  }
  assertFields(headers, RESERVED_IN_ACCEPTANCE);
  const fields = ["Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Accept", acceptKey];
  if (protocol !== undefined) fields.push("Sec-WebSocket-Protocol", protocol);
  // An empty list is not in the grammar (§9.1).
  if (extensions !== undefined && extensions !== "") fields.push("Sec-WebSocket-Extensions", extensions);
  assertFields(fields);
  return headText("HTTP/1.1 101 Switching Protocols", [...fields, ...headers]);
}

/** What a refusal says about its own framing. */
export const RESERVED_IN_REFUSAL: readonly string[] = ["Connection", "Content-Length", "Transfer-Encoding"];

/**
 * The head that refuses a handshake, to be written as latin1 and followed by `bodyBytes` bytes of body. It closes the
 * connection: whatever the client has sent after a refused handshake must never be read as another request.
 *
 * A {@link UsageError} `INVALID_HEADER` if a part of it cannot stand there, `INVALID_OPTION` for a status below 300,
 * which would tell the client that something worked, and for 304, which has no body.
 */
export function refusalHead(input: {
  /** From 300 to 599, but not 304. */
  status: number;
  /** The reason phrase. Default: the standard one, or none. */
  reason?: string | undefined;
  /** More header fields, as a flat list. Default: none. */
  headers?: readonly string[] | undefined;
  /** The length of the body that follows, in bytes. */
  bodyBytes: number;
  /** The `Content-Type` of the body. Default: none, so that `headers` may have one. */
  bodyType?: string | undefined;
}): string {
  const { status, headers = [], bodyBytes, bodyType } = input;
  const reason = input.reason ?? reasonPhrase(status);
  assertRefusalStatus(status);
  if (!Number.isSafeInteger(bodyBytes) || bodyBytes < 0) {
    throw new UsageError("INVALID_OPTION", "bodyBytes must be a non-negative integer");
  }
  assertFieldText(reason, "the reason phrase");
  assertFields(
    headers,
    bodyType === undefined ? RESERVED_IN_REFUSAL : [...RESERVED_IN_REFUSAL, "Content-Type"],
  );
  // RFC 9110 §7.8: Upgrade, which is about this connection only, must be named in Connection.
  const upgrades = new HeaderList(headers).has("upgrade");
  const fields = ["Connection", upgrades ? "close, Upgrade" : "close", "Content-Length", String(bodyBytes)];
  if (bodyType !== undefined) fields.push("Content-Type", bodyType);
  assertFields(fields);
  return headText(`HTTP/1.1 ${status} ${reason}`, [...fields, ...headers]);
}

/** Throws a {@link UsageError} `INVALID_OPTION` unless `status` refuses, and may have a body. */
export function assertRefusalStatus(status: number): void {
  if (!Number.isInteger(status) || status < 300 || status > 599 || status === 304) {
    throw new UsageError("INVALID_OPTION", `Not a status to refuse a handshake with: ${String(status)}`);
  }
}

/**
 * The first of the server's subprotocols that the client offered, or undefined, with which the connection goes on
 * without one (RFC 6455 §4.2.2 item 5.5). The server's order counts: it knows which of its protocols is the newest.
 */
export function chooseProtocol(offered: readonly string[], supported: readonly string[]): string | undefined {
  return supported.find((protocol) => offered.includes(protocol));
}
