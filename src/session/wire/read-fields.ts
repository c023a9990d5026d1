import { BAD_PACKET_CODE } from "./session-code.js";

// What a client reads, field by field and strictly. One thing is read at a time: `readFrom` says what.

/** The bytes that are read. */
export let source: Uint8Array;
/** Where the next field begins. */
export let at = 0;
/** Where what is read ends. */
export let end = 0;

/** What follows is read from `bytes[start, stop)`. */
export function readFrom(bytes: Uint8Array, start: number, stop: number): void {
  source = bytes;
  at = start;
  end = stop;
}

/** What is read breaks a rule. Throws what {@link isFault} knows: nothing behind it is looked at. */
export function fail(): never {
  throw BAD_PACKET_CODE;
}

/** Whether something that was thrown is what {@link fail} throws. */
export function isFault(thrown: unknown): boolean {
  return thrown === BAD_PACKET_CODE;
}

/** The next byte. */
export function readByte(): number {
  if (at >= end) fail();
  return source[at++]!;
}

/** The next varint (§1.1): one that is cut off, longer than needed or above 2^53-1 is a fault. */
export function readVarint(): number {
  let value = 0;
  let scale = 1;
  let byte: number;
  do {
    byte = readByte();
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
  } while (byte > 0x7f && scale < 2 ** 56);
  // A last byte of 0 says nothing; only the number 0 is written with it.
  if (byte > 0x7f || (byte === 0 && scale > 0x80) || value > Number.MAX_SAFE_INTEGER) fail();
  return value;
}

/** Goes `length` bytes further; returns where it is then. */
export function skip(length: number): number {
  if (length > end - at) fail();
  return (at += length);
}

/** A copy of the next `length` bytes: `maxBytes` at most. */
export function take(length: number, maxBytes: number): Uint8Array {
  if (length > maxBytes) fail();
  // Not `slice`: that of a Buffer does not copy.
  return new Uint8Array(source.subarray(at, skip(length)));
}
