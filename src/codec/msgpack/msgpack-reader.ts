import { decodeFailed } from "../codec-error.js";
import { textDecoder } from "../native-text.js";
import { KeyCache } from "./key-cache.js";
import { MsgpackExt, type MsgpackExtension } from "./msgpack-extension.js";

/** What a {@link MsgpackReader} is made with. */
export interface MsgpackReaderOptions {
  readonly maxDepth: number;
  readonly maxValues: number;
  /** Whether 64-bit integers are always bigints. */
  readonly keepBigints: boolean;
  readonly extensions: readonly MsgpackExtension[];
}

/** From here on the native decoder is faster than a loop, even for ASCII. */
const NATIVE_TEXT_FROM_BYTES = 24;

/** Reads MessagePack. One is enough for all messages: what it has of one is gone with the next. */
export class MsgpackReader {
  readonly #options: MsgpackReaderOptions;
  readonly #keys = new KeyCache();
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView | undefined;
  #at = 0;
  #valuesLeft = 0;
  /** An extension may decode with the same codec in the middle of this message. */
  #isReading = false;

  constructor(options: MsgpackReaderOptions) {
    this.#options = options;
  }

  read(bytes: Uint8Array): unknown {
    if (this.#isReading) return new MsgpackReader(this.#options).read(bytes);
    this.#isReading = true;
    this.#bytes = bytes;
    this.#at = 0;
    this.#valuesLeft = this.#options.maxValues - 1;
    try {
      if (this.#valuesLeft < 0) throw tooManyValues();
      const value = this.#value(this.#options.maxDepth);
      if (this.#at !== bytes.length) throw decodeFailed(`${bytes.length - this.#at} bytes behind the value`);
      return value;
    } finally {
      this.#isReading = false;
      // What a peer sent is not to live as long as the codec.
      this.#bytes = NOTHING;
      this.#view = undefined;
    }
  }

  #value(depthLeft: number): unknown {
    const format = this.#byte();
    if (format < 0x80) return format;
    if (format >= 0xe0) return format - 0x100;
    if (format < 0x90) return this.#map(format & 0x0f, depthLeft);
    if (format < 0xa0) return this.#array(format & 0x0f, depthLeft);
    if (format < 0xc0) return this.#string(format & 0x1f);
    switch (format) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#copy(this.#byte());
      case 0xc5:
        return this.#copy(this.#uint16());
      case 0xc6:
        return this.#copy(this.#uint32());
      case 0xc7:
        return this.#extension(this.#byte());
      case 0xc8:
        return this.#extension(this.#uint16());
      case 0xc9:
        return this.#extension(this.#uint32());
      case 0xca:
        return this.#floats().getFloat32(this.#take(4));
      case 0xcb:
        return this.#floats().getFloat64(this.#take(8));
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return this.#int64(this.#uint32());
      case 0xd0:
        return (this.#byte() << 24) >> 24;
      case 0xd1:
        return (this.#uint16() << 16) >> 16;
      case 0xd2:
        return this.#uint32() | 0;
      case 0xd3:
        return this.#int64(this.#uint32() | 0);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (format - 0xd4));
      case 0xd9:
        return this.#string(this.#byte());
      case 0xda:
        return this.#string(this.#uint16());
      case 0xdb:
        return this.#string(this.#uint32());
      case 0xdc:
        return this.#array(this.#uint16(), depthLeft);
      case 0xdd:
        return this.#array(this.#uint32(), depthLeft);
      case 0xde:
        return this.#map(this.#uint16(), depthLeft);
      case 0xdf:
        return this.#map(this.#uint32(), depthLeft);
      default:
        throw decodeFailed("the byte 0xc1, which is never used");
    }
  }

  #array(length: number, depthLeft: number): unknown[] {
    this.#enter(length, depthLeft);
    const array: unknown[] = [];
    for (let i = 0; i < length; i++) array.push(this.#value(depthLeft - 1));
    return array;
  }

  #map(size: number, depthLeft: number): object {
    this.#enter(size * 2, depthLeft);
    const object: Record<string, unknown> = {};
    for (let i = 0; i < size; i++) {
      const key = this.#key(depthLeft - 1);
      if (typeof key !== "string") return this.#mapWithAnyKeys(object, key, size - i, depthLeft);
      const value = this.#value(depthLeft - 1);
      if (key === "__proto__") {
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
      } else object[key] = value;
    }
    return object;
  }

  /** Goes on with a map of which a key is not a string. */
  #mapWithAnyKeys(
    sofar: object,
    key: unknown,
    entriesLeft: number,
    depthLeft: number,
  ): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>(Object.entries(sofar));
    map.set(key, this.#value(depthLeft - 1));
    for (let i = 1; i < entriesLeft; i++) {
      const next = this.#value(depthLeft - 1);
      map.set(next, this.#value(depthLeft - 1));
    }
    return map;
  }

  /** As {@link #value}; the short names that come again and again are not made again. */
  #key(depthLeft: number): unknown {
    const format = this.#bytes[this.#at];
    if (format === undefined || format < 0xa0 || format >= 0xc0) return this.#value(depthLeft);
    this.#at++;
    const length = format & 0x1f;
    const start = this.#take(length);
    return this.#keys.find(this.#bytes, start, length) ?? this.#text(start, length);
  }

  /** Charges what a container says that it holds, before anything is made of it: each takes a byte at least. */
  #enter(values: number, depthLeft: number): void {
    if (depthLeft <= 0) throw decodeFailed(`nested more than ${this.#options.maxDepth} deep`);
    if (values > this.#bytes.length - this.#at) throw cut();
    this.#valuesLeft -= values;
    if (this.#valuesLeft < 0) throw tooManyValues();
  }

  #string(length: number): string {
    return this.#text(this.#take(length), length);
  }

  #text(start: number, length: number): string {
    const bytes = this.#bytes;
    const end = start + length;
    if (length < NATIVE_TEXT_FROM_BYTES) {
      let text = "";
      let at = start;
      for (; at < end; at++) {
        const byte = bytes[at]!;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (at === end) return text;
    }
    try {
      return textDecoder.decode(bytes.subarray(start, end));
    } catch (error) {
      throw decodeFailed("a string that is not UTF-8", error);
    }
  }

  #int64(high: number): number | bigint {
    const low = this.#uint32();
    const number = high * 2 ** 32 + low;
    if (!this.#options.keepBigints && Number.isSafeInteger(number)) return number;
    return BigInt(high) * 4_294_967_296n + BigInt(low);
  }

  #extension(length: number): unknown {
    const type = (this.#byte() << 24) >> 24;
    const data = this.#copy(length);
    for (const extension of this.#options.extensions) {
      if (extension.type === type) return extension.decode(data);
    }
    return new MsgpackExt(type, data);
  }

  #copy(length: number): Uint8Array {
    const start = this.#take(length);
    // Not `slice`: that of a Buffer shares its memory.
    return new Uint8Array(this.#bytes.subarray(start, start + length));
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  #uint16(): number {
    const at = this.#take(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  #uint32(): number {
    const at = this.#take(4);
    const bytes = this.#bytes;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  #floats(): DataView {
    const { buffer, byteOffset, length } = this.#bytes;
    return (this.#view ??= new DataView(buffer, byteOffset, length));
  }

  /** Steps over `count` bytes and returns where they begin. */
  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw cut();
    this.#at = at + count;
    return at;
  }
}

const NOTHING = new Uint8Array(0);

function cut(): Error {
  return decodeFailed("the message ends in the middle of a value");
}

function tooManyValues(): Error {
  return decodeFailed("more values than maxValues");
}
