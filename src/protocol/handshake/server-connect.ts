import type { HandshakeErrorCode } from "../../core/error-codes.js";
import { HandshakeError, UsageError } from "../../core/hawser-error.js";
import { parseAuthority } from "./authority.js";
import { type ConnectHead, lowerNames } from "./connect-head.js";
import { assertFields } from "./head-text.js";
import { equalsIgnoringAsciiCase, isToken } from "./http-token.js";
import { isOriginForm } from "./origin-form.js";
import {
  assertRefusalStatus,
  checkBody,
  type HandshakeRequest,
  readNegotiation,
} from "./server-handshake.js";

const VERSION_FIELDS: readonly string[] = ["sec-websocket-version", "13"];

/** Whether it asks for WebSocket, rightly or not. */
export function isWebSocketConnect({ method, protocol }: ConnectHead): boolean {
  return method === "CONNECT" && equalsIgnoringAsciiCase(protocol, "websocket");
}

/**
 * Reads an extended CONNECT as the opening handshake of a client (RFC 8441 §4, §5). There is no `Upgrade`, `Connection` or
 * `Sec-WebSocket-Key` in it: HTTP/2 says with its frames what they say. A key is ignored, as §5 has it. The error carries
 * the status and the header fields to refuse it with.
 */
export function readConnectRequest(head: ConnectHead): HandshakeRequest | HandshakeError {
  return checkPseudoFields(head) ?? checkVersion(head) ?? readFields(head);
}

function checkPseudoFields(head: ConnectHead): HandshakeError | undefined {
  const { method, scheme, target, authority, headers } = head;
  if (method !== "CONNECT") {
    return refuse("METHOD_NOT_ALLOWED", 405, "The method of a handshake is CONNECT", ["allow", "CONNECT"]);
  }
  // RFC 9220 §3 names the status, for HTTP/3; RFC 8441 names none.
  if (!isWebSocketConnect(head)) return refuse("INVALID_UPGRADE", 501, ":protocol is not websocket");
  if (scheme !== "https" && scheme !== "http") {
    return refuse("INVALID_TARGET", 400, ":scheme is neither https nor http");
  }
  if (!isOriginForm(target)) return refuse("INVALID_TARGET", 400, ":path is not a path");
  if (authority === undefined || parseAuthority(authority) === undefined) {
    return refuse("INVALID_HOST", 400, "A handshake has exactly one valid :authority");
  }
  return checkBody(headers);
}

/** 400 and not 426: that has to name an `Upgrade`, which HTTP/2 does not have (RFC 9113 §8.6). */
function checkVersion({ headers }: ConnectHead): HandshakeError | undefined {
  const versions = headers.getAll("sec-websocket-version");
  return versions.length === 1 && versions[0] === "13"
    ? undefined
    : refuse("UNSUPPORTED_VERSION", 400, "Sec-WebSocket-Version is not 13", VERSION_FIELDS);
}

function readFields({ target, authority, headers }: ConnectHead): HandshakeRequest | HandshakeError {
  return readNegotiation(target, authority!, "", headers);
}

function refuse(
  code: HandshakeErrorCode,
  status: number,
  message: string,
  fields: readonly string[] = [],
): HandshakeError {
  return new HandshakeError(code, status, message, fields);
}

/** What no message over HTTP/2 may have (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS: readonly string[] = [
  "Connection",
  "Upgrade",
  "Keep-Alive",
  "Proxy-Connection",
  "Transfer-Encoding",
];
/** What the handshake itself says in its answer, and no caller may say again. */
const RESERVED_IN_ACCEPTANCE: readonly string[] = [...CONNECTION_FIELDS, "Sec-WebSocket-", "Content-Length"];

/**
 * The fields that accept an extended CONNECT, as a flat list with `:status` first and names in lower case. There is no
 * `Sec-WebSocket-Accept`.
 * @throws {@link UsageError} `INVALID_HEADER`, `INVALID_PROTOCOL_NAME` for what cannot stand there.
 */
export function connectAcceptFields(input: {
  /** The subprotocol chosen. Default: none. */
  protocol?: string | undefined;
  /** The extensions accepted, as the value of the header. Default: none. */
  extensions?: string | undefined;
  /** More header fields, as a flat list. Default: none. */
  headers?: readonly string[] | undefined;
}): string[] {
  const { protocol, extensions, headers = [] } = input;
  if (protocol !== undefined && !isToken(protocol)) {
    throw new UsageError("INVALID_PROTOCOL_NAME", `Not a subprotocol name: ${JSON.stringify(protocol)}`);
  }
  assertFields(headers, RESERVED_IN_ACCEPTANCE);
  const fields: string[] = [];
  if (protocol !== undefined) fields.push("sec-websocket-protocol", protocol);
  if (extensions !== undefined && extensions !== "") fields.push("sec-websocket-extensions", extensions);
  assertFields(fields);
  return [":status", "200", ...fields, ...lowerNames(headers)];
}

/**
 * The fields that refuse an extended CONNECT, as {@link connectAcceptFields}. What is about the connection and not the
 * message (`Upgrade`, say) is left out: an `upgrade` hook may not know which HTTP it answers.
 * @throws {@link UsageError} `INVALID_HEADER`, `INVALID_OPTION`.
 */
export function connectRefusalFields(input: {
  /** From 300 to 599, but not 304. */
  status: number;
  /** More header fields, as a flat list. Default: none. */
  headers?: readonly string[] | undefined;
  /** The length of the body that follows, in bytes. */
  bodyBytes: number;
  /** The `Content-Type` of the body. Default: none, so that `headers` may have one. */
  bodyType?: string | undefined;
}): string[] {
  const { status, headers = [], bodyBytes, bodyType } = input;
  assertRefusalStatus(status);
  assertFields(headers, ["Content-Length", ...(bodyType === undefined ? [] : ["Content-Type"])]);
  const fields = ["content-length", String(bodyBytes)];
  if (bodyType !== undefined) fields.push("content-type", bodyType);
  assertFields(fields);
  return [":status", String(status), ...fields, ...withoutConnectionFields(lowerNames(headers))];
}

function withoutConnectionFields(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (!CONNECTION_FIELDS.some((other) => equalsIgnoringAsciiCase(other, name)))
      kept.push(name, fields[i + 1]!);
  }
  return kept;
}
