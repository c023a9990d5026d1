import type { Codec, Encoded } from "../codec/codec.js";

/**
 * The first element of a message of a contract, which is an array: see `docs/wire/contract-v1.md`. `n` is the number of a
 * call or stream. Those that a side begins are numbered by it from 1 on. In the messages of streams a number that is
 * negative is one of the receiver's.
 */
export const Kind = {
  /** `[0, key, session, next]`: before the first call of a session, from a client that sends calls again. */
  hello: 0,
  /** `[1, name, value]` */
  event: 1,
  /** `[2, n, name, deadlineMs, settledBelow, input]` */
  call: 2,
  /** `[3, n, output]` */
  result: 3,
  /** `[4, n, code, data]` */
  error: 4,
  /** `[5, n]`: the caller does not wait any more. */
  cancel: 5,
  /** `[6, n, name, window, input]`: `window` values may be sent to whoever opens. */
  open: 6,
  /** `[7, n, value]` */
  value: 7,
  /** `[8, n, count]`: so many more values may be sent. */
  credit: 8,
  /** `[9, n, output]`: the end of the values up, or of the whole stream by whoever answers. */
  end: 9,
  /** `[10, n, code, data]`: the end of the whole stream, by an error of the sender. */
  fail: 10,
  /** `[11, n]`: whoever opened it does not want it any more. */
  stop: 11,
} as const;

/** A message of a contract, before it was looked at closely. */
export type Message = readonly [kind: number, ...rest: unknown[]];

/**
 * Makes a message. What is undefined at its end is left out, since it is not the same as null, which JSON would make of it.
 */
export function encodeMessage(codec: Codec, message: Message): Encoded {
  const last = message.length - 1;
  return codec.encode(message[last] === undefined ? message.slice(0, last) : message);
}

/** Whether it is a whole number from 1 on. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** A deadline on the wire: whole ms, or null for none, since JSON has no `Infinity`. */
export function isDeadline(value: unknown): value is number | null {
  return value === null || (Number.isSafeInteger(value) && (value as number) >= 0);
}
