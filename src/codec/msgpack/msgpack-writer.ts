import { utf8ByteLength, utf8Write } from "../../core/utf8-encoding.js";
import { isBytes } from "../byte-view.js";
import { encodeFailed } from "../codec-error.js";
import { textEncoder } from "../native-text.js";
import { MsgpackExt, type MsgpackExtension } from "./msgpack-extension.js";

/** What a {@link MsgpackWriter} is made with. */
export interface MsgpackWriterOptions {
  readonly maxDepth: number;
  /** Whether bigints always take 64 bits, and numbers never do as integers. */
  readonly keepBigints: boolean;
  readonly extensions: readonly MsgpackExtension[];
}

/** Small messages are written one behind the other into one piece of memory: a piece for each would cost more than all else. */
const SLAB_BYTES = 8192;
/** From here on the native encoder is faster than a loop. */
const NATIVE_TEXT_FROM_UNITS = 48;

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

/** Writes MessagePack in the smallest formats. One is enough for all messages. */
export class MsgpackWriter {
  readonly #options: MsgpackWriterOptions;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** Where the message begins, and where its next byte goes. */
  #start = 0;
  #at = 0;
  /** An extension that encodes with the same codec would write into the middle of this message. */
  #isWriting = false;

  constructor(options: MsgpackWriterOptions) {
    this.#options = options;
  }

  write(value: unknown): Uint8Array {
    if (this.#isWriting) return new MsgpackWriter(this.#options).write(value);
    this.#isWriting = true;
    try {
      this.#at = this.#start;
      this.#value(value, this.#options.maxDepth);
      if (this.#bytes.length > SLAB_BYTES) return this.#bytes.slice(this.#start, this.#at);
      const message = new Uint8Array(this.#bytes.buffer, this.#start, this.#at - this.#start);
      this.#start = this.#at;
      return message;
    } finally {
      this.#isWriting = false;
      if (this.#bytes.length > SLAB_BYTES) this.#useSlab(new Uint8Array(0), 0);
    }
  }

  #value(value: unknown, depthLeft: number): void {
    if (typeof value === "string") this.#string(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (value === null || value === undefined) this.#byte(0xc0);
    else if (typeof value === "object") this.#object(value, depthLeft);
    else if (typeof value === "bigint") this.#bigint(value);
    else throw encodeFailed(`a ${typeof value} cannot be encoded`);
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) this.#float(value);
    else if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value < 0x100) this.#head8(0xcc, value);
      else if (value < 0x10000) this.#head16(0xcd, value);
      else if (value < 2 ** 32) this.#head32(0xce, value);
      else this.#safeInt64(0xcf, value);
    } else if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) this.#head8(0xd0, value & 0xff);
    else if (value >= -0x8000) this.#head16(0xd1, value & 0xffff);
    else if (value >= -(2 ** 31)) this.#head32(0xd2, value);
    else this.#safeInt64(0xd3, value);
  }

  #safeInt64(format: number, value: number): void {
    if (this.#options.keepBigints) {
      this.#float(value);
      return;
    }
    const high = Math.floor(value / 2 ** 32);
    this.#reserve(9);
    this.#head32(format, high);
    this.#view.setUint32(this.#at, value - high * 2 ** 32);
    this.#at += 4;
  }

  #float(value: number): void {
    this.#reserve(9);
    if (Object.is(Math.fround(value), value)) {
      this.#bytes[this.#at] = 0xca;
      this.#view.setFloat32(this.#at + 1, value);
      this.#at += 5;
    } else {
      this.#bytes[this.#at] = 0xcb;
      this.#view.setFloat64(this.#at + 1, value);
      this.#at += 9;
    }
  }

  #bigint(value: bigint): void {
    const number = Number(value);
    if (value < MIN_INT64 || value > MAX_UINT64) {
      const extension = this.#options.extensions.find((one) => one.is(value));
      if (extension === undefined) throw encodeFailed("a bigint of more than 64 bits cannot be encoded");
      this.#extension(extension.type, extension.encode(value));
    } else if (!this.#options.keepBigints && Number.isSafeInteger(number)) this.#number(number);
    else {
      this.#reserve(9);
      this.#bytes[this.#at] = value < 0n ? 0xd3 : 0xcf;
      if (value > MAX_INT64) this.#view.setBigUint64(this.#at + 1, value);
      else this.#view.setBigInt64(this.#at + 1, value);
      this.#at += 9;
    }
  }

  #string(text: string): void {
    const units = text.length;
    if (units >= NATIVE_TEXT_FROM_UNITS) {
      this.#longString(text);
      return;
    }
    // As if it was ASCII: a character that is not takes the exact way.
    this.#reserve(2 + units);
    const bytes = this.#bytes;
    let at = this.#at;
    if (units < 32) bytes[at++] = 0xa0 | units;
    else {
      bytes[at++] = 0xd9;
      bytes[at++] = units;
    }
    for (let i = 0; i < units; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) {
        const length = utf8ByteLength(text);
        this.#stringHead(length);
        this.#reserve(length);
        this.#at += utf8Write(text, this.#bytes, this.#at);
        return;
      }
      bytes[at++] = unit;
    }
    this.#at = at;
  }

  #longString(text: string): void {
    // Three bytes a unit at most; those not needed are free again at once.
    const head = headBytesOf(text.length);
    this.#reserve(5 + text.length * 3);
    const body = this.#at + head;
    const { written } = textEncoder.encodeInto(text, this.#bytes.subarray(body));
    const needed = headBytesOf(written);
    if (needed !== head) this.#bytes.copyWithin(this.#at + needed, body, body + written);
    this.#stringHead(written);
    this.#at += written;
  }

  #stringHead(length: number): void {
    if (length < 32) this.#byte(0xa0 | length);
    else if (length < 0x100) this.#head8(0xd9, length);
    else if (length < 0x10000) this.#head16(0xda, length);
    else this.#head32(0xdb, length);
  }

  #object(value: object, depthLeft: number): void {
    if (depthLeft === 0) throw encodeFailed("the value is nested too deeply, or circular");
    if (Array.isArray(value)) {
      this.#container(value.length, 0x90, 0xdc);
      for (let i = 0; i < value.length; i++) this.#value(value[i], depthLeft - 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.#properties(value, depthLeft);
    else if (isBytes(value)) this.#bin(value);
    else if (value instanceof MsgpackExt) this.#extension(value.type, value.data);
    else this.#instance(value, depthLeft);
  }

  #bin(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length < 0x100) this.#head8(0xc4, length);
    else if (length < 0x10000) this.#head16(0xc5, length);
    else this.#head32(0xc6, length);
    this.#append(bytes);
  }

  /** An object of a class. */
  #instance(value: object, depthLeft: number): void {
    for (const extension of this.#options.extensions) {
      if (!extension.is(value)) continue;
      this.#extension(extension.type, extension.encode(value));
      return;
    }
    if (value instanceof Set) throw encodeFailed("a Set cannot be encoded: make it an array");
    if (!(value instanceof Map)) {
      this.#properties(value, depthLeft);
      return;
    }
    this.#container(value.size, 0x80, 0xde);
    for (const [key, element] of value) {
      this.#value(key, depthLeft - 1);
      this.#value(element, depthLeft - 1);
    }
  }

  #properties(value: object, depthLeft: number): void {
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") {
      this.#value(toJSON.call(value, ""), depthLeft - 1);
      return;
    }
    const keys = Object.keys(value);
    let count = keys.length;
    for (const key of keys) {
      if ((value as Record<string, unknown>)[key] === undefined) count--;
    }
    this.#container(count, 0x80, 0xde);
    let left = count;
    for (const key of keys) {
      const property = (value as Record<string, unknown>)[key];
      if (property === undefined) continue;
      // A getter may answer differently the second time; the number is written already.
      if (left-- === 0) throw encodeFailed("an object changed while it was encoded");
      this.#string(key);
      this.#value(property, depthLeft - 1);
    }
    if (left !== 0) throw encodeFailed("an object changed while it was encoded");
  }

  /** The head of an array or a map: a fixed one below 16 entries, then one with 16 and one with 32 bits. */
  #container(length: number, fixed: number, with16: number): void {
    if (length < 16) this.#byte(fixed | length);
    else if (length < 0x10000) this.#head16(with16, length);
    else this.#head32(with16 + 1, length);
  }

  #extension(type: number, data: Uint8Array): void {
    const { length } = data;
    const fixed = [1, 2, 4, 8, 16].indexOf(length);
    if (fixed !== -1) this.#byte(0xd4 + fixed);
    else if (length < 0x100) this.#head8(0xc7, length);
    else if (length < 0x10000) this.#head16(0xc8, length);
    else this.#head32(0xc9, length);
    this.#byte(type & 0xff);
    this.#append(data);
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  #head8(format: number, value: number): void {
    this.#reserve(2);
    this.#bytes[this.#at++] = format;
    this.#bytes[this.#at++] = value;
  }

  #head16(format: number, value: number): void {
    this.#reserve(3);
    this.#bytes[this.#at++] = format;
    this.#bytes[this.#at++] = value >> 8;
    this.#bytes[this.#at++] = value;
  }

  /** 32 bits of a value, negative ones as two's complement. */
  #head32(format: number, value: number): void {
    this.#reserve(5);
    this.#bytes[this.#at] = format;
    this.#view.setUint32(this.#at + 1, value);
    this.#at += 5;
  }

  /** Makes room for `count` bytes behind those of this message; a message that outgrows its slab moves to another. */
  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const written = this.#at - this.#start;
    const bytes = new Uint8Array(Math.max(SLAB_BYTES, 2 * written, written + count));
    bytes.set(new Uint8Array(this.#bytes.buffer, this.#start, written));
    this.#useSlab(bytes, written);
  }

  #useSlab(bytes: Uint8Array<ArrayBuffer>, written: number): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = 0;
    this.#at = written;
  }
}

function headBytesOf(length: number): number {
  if (length < 32) return 1;
  if (length < 0x100) return 2;
  return length < 0x10000 ? 3 : 5;
}
