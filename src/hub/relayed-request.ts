import { Buffer } from "node:buffer";
import { RelayedOrigin, UpgradeRequest } from "../node/server/upgrade-request.js";
import { HeaderList } from "../protocol/handshake/header-list.js";
import { MAX_RELAYED_REQUEST_BYTES } from "../session/relay/relay-message.js";

const NO_REQUEST = new UpgradeRequest(
  { target: "/", headers: new HeaderList([]) },
  new RelayedOrigin("", false, "1.1"),
  undefined,
);

/**
 * What the owner of a session is told of the request that another node was sent: JSON, so that another version can read it.
 * Header fields are left out if all would be too long.
 */
export function encodeRequest(request: UpgradeRequest): Uint8Array {
  const { target, remoteAddress, isSecure, httpVersion, params, headers } = request;
  const about = { target, remoteAddress, isSecure, httpVersion, params };
  const all = Buffer.from(JSON.stringify({ ...about, fields: headers.raw }));
  if (all.length <= MAX_RELAYED_REQUEST_BYTES) return all;
  const short = Buffer.from(JSON.stringify({ ...about, fields: [] }));
  return short.length <= MAX_RELAYED_REQUEST_BYTES ? short : Buffer.alloc(0);
}

/** Reads it. What is not as it should be is left out: it never throws. */
export function decodeRequest(bytes: Uint8Array): UpgradeRequest {
  const about = parsed(bytes);
  if (about === undefined) return NO_REQUEST;
  const { target, remoteAddress, isSecure, httpVersion, params, fields } = about;
  const isRight = Array.isArray(fields) && fields.length % 2 === 0 && fields.every(isLine);
  const request = new UpgradeRequest(
    { target: isLine(target) ? target : "/", headers: new HeaderList(isRight ? fields : []) },
    new RelayedOrigin(
      isLine(remoteAddress) ? remoteAddress : "",
      isSecure === true,
      httpVersion === "2" ? "2" : "1.1",
    ),
    undefined,
  );
  const entries = typeof params === "object" && params !== null ? Object.entries(params) : [];
  // By `fromEntries` a `__proto__` is a name like any other.
  request.resolve(
    Object.fromEntries(entries.filter((entry): entry is [string, string] => isLine(entry[1]))),
    request.remoteAddress,
  );
  return request;
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
    );
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A text without a line end: header fields are kept as lines. */
function isLine(value: unknown): value is string {
  return typeof value === "string" && !/[\r\n]/.test(value);
}
