import { countOption } from "../core/count-option.js";
import { thrownMessage } from "../core/thrown-message.js";
import { isBytes } from "./byte-view.js";
import type { Codec, Encoded } from "./codec.js";
import { CodecError, decodeFailed, encodeFailed } from "./codec-error.js";
import { textDecoder, textEncoder } from "./native-text.js";

/** How {@link json} reads and writes. */
export interface JsonOptions {
  /**
   * How many arrays and objects may lie in each other, in both directions. Default 128: no message written by hand comes
   * near it, and what walks over a value (a schema, `structuredClone`) does not run out of stack.
   */
  readonly maxDepth?: number | undefined;
}

/** The defaults of {@link JsonOptions}. */
export const DEFAULT_JSON_OPTIONS: { readonly maxDepth: number } = { maxDepth: 128 };

/** The number before the JSON text of a message with bytes: its length, big-endian. */
const LENGTH_BYTES = 4;

/**
 * JSON, with bytes beside it. A value without a `Uint8Array` is a text message of plain JSON, as `JSON.stringify` makes
 * it. One with some is a binary message, in which they lie as they are, without base64:
 *
 * - 4 bytes, big-endian: the length of the JSON text in bytes.
 * - The JSON text, in UTF-8: `[value, place, place...]`. In the value `null` stands for each `Uint8Array`. A place is
 *   `[length in bytes, key, key...]`: the way to that `null` from the outside in, names of properties and indices.
 * - The bytes of each place, one after the other, to the end of the message.
 *
 * What JSON does to other values it does here: `undefined` in an object is left out, a `Date` becomes a string, `NaN`
 * becomes `null`. A `bigint` and a circular value are errors; so are other views than `Uint8Array`.
 * @throws UsageError `INVALID_OPTION`.
 */
export function json(options: JsonOptions = {}): Codec {
  const maxDepth = countOption(options, "maxDepth", DEFAULT_JSON_OPTIONS.maxDepth, 1);
  return {
    name: "json",
    encode(value) {
      try {
        return encode(value, maxDepth);
      } catch (error) {
        throw error instanceof CodecError ? error : encodeFailed(thrownMessage(error), error);
      }
    },
    decode(data) {
      try {
        return typeof data === "string" ? parse(data, maxDepth) : decodeWithBytes(data, maxDepth);
      } catch (error) {
        throw error instanceof CodecError ? error : decodeFailed(thrownMessage(error), error);
      }
    },
  };
}

/** `[length in bytes, key, key...]`. */
type Place = readonly (number | string)[];

interface Found {
  readonly bytes: Uint8Array[];
  readonly places: Place[];
  /** The keys from the outside to where the search is. */
  readonly path: (number | string)[];
}

function encode(value: unknown, maxDepth: number): Encoded {
  const found: Found = { bytes: [], places: [], path: [] };
  const plain = takeBytes(value, found, maxDepth);
  if (found.bytes.length === 0) {
    const text: string | undefined = JSON.stringify(plain);
    if (text !== undefined) return text;
    if (value === undefined) return "null";
    throw encodeFailed(`a ${typeof value} cannot be encoded`);
  }
  const text = textEncoder.encode(JSON.stringify([plain, ...found.places]));
  const byteLength = found.bytes.reduce((sum, bytes) => sum + bytes.length, 0);
  const message = new Uint8Array(LENGTH_BYTES + text.length + byteLength);
  new DataView(message.buffer).setUint32(0, text.length);
  message.set(text, LENGTH_BYTES);
  let at = LENGTH_BYTES + text.length;
  for (const bytes of found.bytes) {
    message.set(bytes, at);
    at += bytes.length;
  }
  return message;
}

/**
 * Returns the value with `null` for all bytes in it, and with what `toJSON` made: itself if there is neither, which costs no
 * copy.
 */
function takeBytes(value: unknown, found: Found, depthLeft: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isBytes(value)) {
    found.places.push([value.length, ...found.path]);
    found.bytes.push(value);
    return null;
  }
  // As JSON.stringify asks it, which does not call it then: what comes out may have bytes in it, and be nested too deeply.
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON !== "function") return takeBytesOfMembers(value, found, depthLeft);
  // What it makes of most that has one, text, can be left to JSON.stringify.
  if (toJSON === Date.prototype.toJSON) return value;
  const made: unknown = toJSON.call(value, String(found.path.at(-1) ?? ""));
  if (typeof made !== "object" || made === null || isBytes(made)) return takeBytes(made, found, depthLeft);
  return withoutToJson(takeBytesOfMembers(made, found, depthLeft));
}

/** What `toJSON` made is not asked a second time. */
function withoutToJson(value: object): object {
  if (typeof (value as { readonly toJSON?: unknown }).toJSON !== "function") return value;
  if (Array.isArray(value)) return [...(value as readonly unknown[])];
  return { ...value, toJSON: undefined };
}

function takeBytesOfMembers(value: object, found: Found, depthLeft: number): object {
  if (depthLeft === 0) throw encodeFailed("the value is nested too deeply, or circular");
  if (Array.isArray(value)) return takeBytesOfArray(value, found, depthLeft);
  const { path } = found;
  let copy: Record<string, unknown> | undefined;
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key];
    if (typeof property !== "object" || property === null || !Object.hasOwn(value, key)) continue;
    path.push(key);
    const plain = takeBytes(property, found, depthLeft - 1);
    path.pop();
    if (plain === property) continue;
    copy ??= { ...value };
    // Not an assignment: `__proto__` may be the name of a property.
    Object.defineProperty(copy, key, { value: plain, enumerable: true, configurable: true, writable: true });
  }
  return copy ?? value;
}

function takeBytesOfArray(array: readonly unknown[], found: Found, depthLeft: number): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < array.length; i++) {
    const element = array[i];
    if (typeof element !== "object" || element === null) continue;
    found.path.push(i);
    const plain = takeBytes(element, found, depthLeft - 1);
    found.path.pop();
    if (plain === element) continue;
    copy ??= [...array];
    copy[i] = plain;
  }
  return copy ?? array;
}

function parse(text: string, maxDepth: number): unknown {
  // What lies n deep has n brackets that open and n that close.
  if (text.length > 2 * maxDepth && !isDepthWithin(text, maxDepth)) {
    throw decodeFailed(`JSON nested more than ${maxDepth} deep`);
  }
  return JSON.parse(text);
}

/** Counts brackets outside of strings. For text that is not JSON the answer does not matter. */
function isDepthWithin(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxDepth) return false;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case 0x22: // "
        i = endOfString(text, i + 1);
        break;
      default:
    }
  }
  return true;
}

/** The index of the quote that ends the string whose first character is at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

function decodeWithBytes(message: Uint8Array, maxDepth: number): unknown {
  if (message.length < LENGTH_BYTES) throw decodeFailed("a binary message of less than 4 bytes");
  const textBytes = new DataView(message.buffer, message.byteOffset).getUint32(0);
  let at = LENGTH_BYTES + textBytes;
  if (at > message.length) throw decodeFailed("the JSON text is longer than its message");
  // One deeper than a value may be, for the array around it.
  const outer = parse(textDecoder.decode(message.subarray(LENGTH_BYTES, at)), maxDepth + 1);
  if (!Array.isArray(outer) || outer.length === 0)
    throw decodeFailed("the JSON text is not [value, place...]");

  for (let i = 1; i < outer.length; i++) {
    const place: unknown = outer[i];
    if (!isPlace(place)) throw decodeFailed("a place is not [length, key...]");
    const end = at + (place[0] as number);
    if (end > message.length) throw decodeFailed("bytes are longer than their message");
    // Not `slice`: that of a Buffer shares its memory.
    putBytes(outer, place, new Uint8Array(message.subarray(at, end)));
    at = end;
  }
  if (at !== message.length) throw decodeFailed("bytes that have no place");
  return outer[0];
}

function isPlace(place: unknown): place is Place {
  return (
    Array.isArray(place) &&
    Number.isSafeInteger(place[0]) &&
    place[0] >= 0 &&
    place.every((key) => typeof key === "string" || typeof key === "number")
  );
}

/** Puts bytes where `null` is in `outer[0]`. Only properties that JSON made are followed. */
function putBytes(outer: unknown[], place: Place, bytes: Uint8Array): void {
  let parent: object = outer;
  let key: number | string = 0;
  for (let i = 1; i < place.length; i++) {
    const next: unknown = own(parent, key);
    if (typeof next !== "object" || next === null) throw decodeFailed("a place that does not exist");
    parent = next;
    key = place[i]!;
  }
  if (own(parent, key) !== null) throw decodeFailed("a place that is not null");
  (parent as Record<number | string, unknown>)[key] = bytes;
}

function own(parent: object, key: number | string): unknown {
  return Object.hasOwn(parent, key) ? (parent as Record<number | string, unknown>)[key] : undefined;
}
