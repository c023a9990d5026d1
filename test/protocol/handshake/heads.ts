import assert from "node:assert/strict";
import type { UsageErrorCode } from "#core/error-codes.js";
import { HandshakeError, UsageError } from "#core/hawser-error.js";
import { HeadParser, type RequestHead, type ResponseHead } from "#protocol/handshake/head-parser.js";

export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

export function parseRequest(text: string): RequestHead {
  const result = new HeadParser("request").push(latin1(text));
  assert.ok(result?.ok, "the request head must parse");
  return result.head;
}

export function parseResponse(text: string): ResponseHead {
  const result = new HeadParser("response").push(latin1(text));
  assert.ok(result?.ok, "the response head must parse");
  return result.head;
}

export function assertRefused(
  result: unknown,
  code: string,
  status: number,
  headers?: readonly string[],
): asserts result is HandshakeError {
  assert.ok(result instanceof HandshakeError, "must be refused");
  assert.equal(result.code, code);
  assert.equal(result.status, status);
  if (headers !== undefined) assert.deepEqual(result.headers, headers);
}

export function assertMisuse(act: () => unknown, code: UsageErrorCode): void {
  assert.throws(act, (error) => error instanceof UsageError && error.code === code);
}
