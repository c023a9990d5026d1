import { copyBytes } from "../core/copy-bytes.js";
import { UsageError } from "../core/hawser-error.js";
import type { EngineConfig } from "./engine-config.js";
import type { EngineHost } from "./engine-host.js";
import { frameHeaderLength, MAX_HEADER_BYTES, writeFrameHeader } from "./frame-header.js";
import { applyMask, writeMaskKey } from "./mask.js";

/** Payloads up to this size are copied behind their header into one write; larger ones go out by reference. */
export const COPY_UP_TO_BYTES = 16_384;

/** Up to so many characters a loop is faster than a call of the host. */
const BY_HAND_UP_TO_CHARACTERS = 32;

/**
 * The payload as bytes; bytes stay as they are.
 * @throws UsageError `INVALID_PAYLOAD` for anything else: the length of a number is none, that of a wider array not
 * its bytes, and either would put out what nobody wrote.
 */
export function encodePayload(host: EngineHost, data: string | Uint8Array): Uint8Array {
  if (typeof data !== "string") return checkBytes(data);
  const bytes = host.allocate(host.utf8ByteLength(data));
  host.utf8Write(data, bytes, 0);
  return bytes;
}

/** Bytes of any realm pass; see {@link encodePayload}. */
export function checkBytes(data: Uint8Array): Uint8Array {
  if (data instanceof Uint8Array) return data; // what most are, and quicker than to look for a property
  if ((data as Uint8Array | null | undefined)?.BYTES_PER_ELEMENT === 1) return data;
  throw new UsageError("INVALID_PAYLOAD", "a payload must be a string or a Uint8Array");
}

/** Writes a frame with a payload of text, which is encoded straight into the output buffer where it is small. */
export function writeTextFrame<Owner>(
  config: EngineConfig<Owner>,
  owner: Owner,
  firstByte: number,
  text: string,
): void {
  const { host, handler } = config;
  let mayTake = text.length * 3; // a UTF-16 unit is at most three bytes of UTF-8
  if (mayTake > 125) {
    mayTake = host.utf8ByteLength(text);
    if (mayTake > COPY_UP_TO_BYTES) {
      writeLargeFrame(config, owner, firstByte, encodePayload(host, text), true);
      return;
    }
  }
  const headerLength = frameHeaderLength(mayTake, config.role === "client");
  const { bytes, position } = handler.reserve(owner, headerLength + mayTake);
  const start = position + headerLength;
  const isShort = text.length <= BY_HAND_UP_TO_CHARACTERS;
  const length = isShort && writeAscii(text, bytes, start) ? text.length : host.utf8Write(text, bytes, start);
  finishFrame(config, owner, bytes, position, firstByte, start, length);
}

/** Whether the text was ASCII, and is written. */
function writeAscii(text: string, bytes: Uint8Array, position: number): boolean {
  let seen = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    seen |= unit;
    bytes[position + i] = unit;
  }
  return seen < 0x80;
}

/** Writes a frame. The payload is not changed, and is kept by reference only where it is large. */
export function writeFrame<Owner>(
  config: EngineConfig<Owner>,
  owner: Owner,
  firstByte: number,
  payload: Uint8Array,
): void {
  const length = payload.length;
  if (length > COPY_UP_TO_BYTES) {
    writeLargeFrame(config, owner, firstByte, payload, false);
    return;
  }
  const headerLength = frameHeaderLength(length, config.role === "client");
  const { bytes, position } = config.handler.reserve(owner, headerLength + length);
  const start = position + headerLength;
  copyBytes(payload, 0, length, bytes, start);
  finishFrame(config, owner, bytes, position, firstByte, start, length);
}

/** Writes a server's frame that is complete already, header and all, and shared with other connections. */
export function writeReadyFrame<Owner>(config: EngineConfig<Owner>, owner: Owner, frame: Uint8Array): void {
  const { trace, handler } = config;
  handler.write(owner, frame);
  if (trace?.isEnabled) trace.frame(owner, "sent", frame[0]!, false, readyPayloadLength(frame));
}

function readyPayloadLength(frame: Uint8Array): number {
  const length = frame[1]!;
  return frame.length - (length < 126 ? 2 : length === 126 ? 4 : 10);
}

/** The payload stands behind the room for its header: writes that, masks, commits. */
function finishFrame<Owner>(
  config: EngineConfig<Owner>,
  owner: Owner,
  bytes: Uint8Array,
  position: number,
  firstByte: number,
  start: number,
  length: number,
): void {
  const { trace, handler } = config;
  const masked = config.role === "client";
  const behind = writeFrameHeader(bytes, position, firstByte, length, masked);
  if (masked) {
    const key = config.host.randomMask();
    writeMaskKey(key, bytes, behind);
    applyMask(bytes, start, start + length, key);
  }
  handler.commit(owner, start + length);
  // Behind the commit: a tracer may send on another connection, which shares the output buffer.
  if (trace?.isEnabled) trace.frame(owner, "sent", firstByte, masked, length);
}

/** Header and payload leave as two pieces. The caller's bytes must not be changed, so a client masks a copy. */
function writeLargeFrame<Owner>(
  config: EngineConfig<Owner>,
  owner: Owner,
  firstByte: number,
  payload: Uint8Array,
  isOurs: boolean,
): void {
  const { trace, handler } = config;
  const masked = config.role === "client";
  const { bytes, position } = handler.reserve(owner, MAX_HEADER_BYTES);
  let end = writeFrameHeader(bytes, position, firstByte, payload.length, masked);
  let body = payload;
  if (masked) {
    const key = config.host.randomMask();
    writeMaskKey(key, bytes, end);
    end += 4;
    if (!isOurs) body = new Uint8Array(payload); // not slice(): that of a Buffer is no copy
    applyMask(body, 0, body.length, key);
  }
  handler.commit(owner, end);
  handler.write(owner, body);
  if (trace?.isEnabled) trace.frame(owner, "sent", firstByte, masked, payload.length);
}
