import { decodeFailed, encodeFailed } from "../codec-error.js";

/** A value of an extension type that nobody has taken: its number and its bytes. */
export class MsgpackExt {
  /** -128 to 127; those below 0 belong to MessagePack. */
  readonly type: number;
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/** How a class of yours travels as an extension type of MessagePack. */
export interface MsgpackExtension<Value = unknown> {
  /** 0 to 127, or -1 to take the place of the timestamp for `Date`. */
  readonly type: number;
  /** Asked for objects that are not plain (with a prototype of their own), and for bigints above 64 bits. */
  is(value: unknown): value is Value;
  /** What is written. A throw becomes `ENCODE_FAILED`. */
  encode(value: Value): Uint8Array;
  /** Makes a value of the bytes of a peer, which are a copy. A throw becomes `DECODE_FAILED`. */
  decode(data: Uint8Array): Value;
}

/** Nanoseconds in a millisecond. */
const NS_PER_MS = 1_000_000;

/** `Date` as the timestamp of the specification: 32, 64 or 96 bits, whichever is the smallest. */
export const timestampExtension: MsgpackExtension<Date> = {
  type: -1,
  is: (value) => value instanceof Date,
  encode(date) {
    const ms = date.getTime();
    if (Number.isNaN(ms)) throw encodeFailed("an invalid Date cannot be encoded");
    const seconds = Math.floor(ms / 1000);
    const nanoseconds = (ms - seconds * 1000) * NS_PER_MS;
    if (seconds >= 0 && seconds < 2 ** 34) {
      const small = nanoseconds === 0 && seconds < 2 ** 32;
      const view = new DataView(new ArrayBuffer(small ? 4 : 8));
      if (small) view.setUint32(0, seconds);
      else {
        // 30 bits of nanoseconds, 34 of seconds.
        view.setUint32(0, nanoseconds * 4 + Math.floor(seconds / 2 ** 32));
        view.setUint32(4, seconds % 2 ** 32);
      }
      return new Uint8Array(view.buffer);
    }
    const view = new DataView(new ArrayBuffer(12));
    view.setUint32(0, nanoseconds);
    view.setBigInt64(4, BigInt(seconds));
    return new Uint8Array(view.buffer);
  },
  decode(data) {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    let seconds = 0;
    let nanoseconds = 0;
    switch (data.length) {
      case 4:
        seconds = view.getUint32(0);
        break;
      case 8:
        nanoseconds = view.getUint32(0) >>> 2;
        seconds = (view.getUint32(0) & 3) * 2 ** 32 + view.getUint32(4);
        break;
      case 12:
        nanoseconds = view.getUint32(0);
        seconds = Number(view.getBigInt64(4));
        break;
      default:
        throw decodeFailed(`a timestamp of ${data.length} bytes`);
    }
    if (nanoseconds >= 1000 * NS_PER_MS)
      throw decodeFailed("a timestamp with a second of nanoseconds or more");
    const date = new Date(seconds * 1000 + Math.floor(nanoseconds / NS_PER_MS));
    if (Number.isNaN(date.getTime())) throw decodeFailed("a timestamp that no Date can hold");
    return date;
  },
};
