import { writeVarint } from "./varint.js";
import { WireReader } from "./wire-reader.js";

/** A request whose answer has blocks (`docs/wire/session-v1.md` §2.4.1). */
export const HTTP_DOWN = 0x01;
/** A request that brings blocks, and whose answer has none. */
export const HTTP_UP = 0x02;

/** What a request of an HTTP transport is for. */
export const HttpRequestKind: { readonly down: 1; readonly up: 2 } = { down: HTTP_DOWN, up: HTTP_UP };

/** Bytes of the random name of a transport. */
export const TRANSPORT_ID_BYTES = 16;
/** The most bytes of a request: some whole blocks, and what a phone sends in a second. */
export const MAX_HTTP_REQUEST_BYTES = 262_144;
/** The most that stands before the blocks of a request. */
export const MAX_HTTP_REQUEST_HEAD_BYTES: number = 1 + TRANSPORT_ID_BYTES + 8 + 8;
/** How many bytes of filler an answer that does not end begins with (§2.4.2). */
export const FILLER_BYTES = 2_048;
/** How long a long poll waits at most, in ms: below the 30 s of the strictest common proxy. */
export const LONG_POLL_MS = 25_000;
/** After so much silence in an answer that does not end the server writes something that says nothing, in ms. */
export const STREAM_BEAT_MS = 15_000;
/** How long a client waits for the welcome before it takes an answer for held back, in ms. */
export const BUFFERED_AFTER_MS = 3_000;
/** How long a server keeps a polling transport of which nothing is heard, in ms. */
export const POLLING_IDLE_MS = 30_000;
/** How long a server keeps the last blocks of a polling transport that it ended, in ms. */
export const POLLING_LINGER_MS = 10_000;

/** What stands before the blocks of a request. */
export interface HttpRequestHead {
  /** One of {@link HttpRequestKind}. */
  readonly kind: number;
  /** The random name of the transport, {@link TRANSPORT_ID_BYTES} long. Secret. */
  readonly transport: Uint8Array;
  /** Which of the requests with blocks this is, from 1 on; 0 without blocks. */
  readonly number: number;
  /** The number of the last answer that arrived, with polling. */
  readonly got: number;
}

/** Writes the head of a request at the beginning of `bytes`; returns where it ends, and the blocks begin. */
export function writeHttpRequestHead(bytes: Uint8Array, head: HttpRequestHead): number {
  bytes[0] = head.kind;
  bytes.set(head.transport, 1);
  return writeVarint(bytes, writeVarint(bytes, 1 + TRANSPORT_ID_BYTES, head.number), head.got);
}

/** A head that was read, and where the blocks begin. */
export interface ReadHttpRequest extends HttpRequestHead {
  readonly blocksAt: number;
}

/** Reads the head of a request; undefined if it breaks the rules. Whether the blocks keep to theirs is not looked at. */
export function readHttpRequest(body: Uint8Array): ReadHttpRequest | undefined {
  if (body.length > MAX_HTTP_REQUEST_BYTES) return undefined;
  const reader = new WireReader(body, 0, body.length);
  const kind = reader.take(1)[0];
  const transport = reader.take(TRANSPORT_ID_BYTES);
  const number = reader.varint();
  const got = reader.varint();
  if (reader.isBad || (kind !== HttpRequestKind.down && kind !== HttpRequestKind.up)) return undefined;
  const hasBlocks = reader.at < body.length;
  if (hasBlocks !== number > 0 || (kind === HttpRequestKind.up && (!hasBlocks || got > 0))) return undefined;
  return { kind, transport, number, got, blocksAt: reader.at };
}
