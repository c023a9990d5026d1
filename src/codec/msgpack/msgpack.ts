import { countOption } from "../../core/count-option.js";
import { UsageError } from "../../core/hawser-error.js";
import { thrownMessage } from "../../core/thrown-message.js";
import type { Codec, Encoded } from "../codec.js";
import { CodecError, decodeFailed, encodeFailed } from "../codec-error.js";
import { type MsgpackExtension, timestampExtension } from "./msgpack-extension.js";
import { MsgpackReader } from "./msgpack-reader.js";
import { MsgpackWriter } from "./msgpack-writer.js";

/** How {@link msgpack} reads and writes. */
export interface MsgpackOptions {
  /**
   * How many arrays and maps may lie in each other, in both directions. Default 128: no message written by hand comes
   * near it, and neither this codec nor what walks over a value runs out of stack.
   */
  readonly maxDepth?: number | undefined;
  /**
   * How many values a message that is received may have, where an array or a map counts as one and so does everything
   * in it. Default 1,048,576: an empty map is one byte in a message and 56 in memory, so that 1 MiB of them becomes
   * 56 MiB and no more.
   */
  readonly maxValues?: number | undefined;
  /**
   * What a 64-bit integer becomes: `safe`, a number where that is exact and else a bigint; or `bigint`, always a bigint.
   * With `bigint`, a number that needs more than 32 bits is written as a float, so that between two ends with this
   * setting numbers stay numbers and bigints bigints. Default `safe`: what other languages write for a time in ms is a
   * number here.
   */
  readonly int64?: "safe" | "bigint" | undefined;
  /** Types of your own, the first that fits counts. They come before that for `Date`, type -1. Default none. */
  readonly extensions?: readonly MsgpackExtension[] | undefined;
}

/** The defaults of {@link MsgpackOptions}. */
export const DEFAULT_MSGPACK_OPTIONS: {
  readonly maxDepth: number;
  readonly maxValues: number;
  readonly int64: "safe" | "bigint";
} = { maxDepth: 128, maxValues: 1_048_576, int64: "safe" };

/**
 * MessagePack: all formats of its specification are read, the smallest that holds a value is written.
 *
 * | JavaScript                              | MessagePack            | and back                     |
 * | --------------------------------------- | ---------------------- | ---------------------------- |
 * | `null`, `undefined`                     | nil                    | `null`                       |
 * | integers up to 2^53 - 1                 | int                    | number                       |
 * | other numbers, `-0`                     | float 32 where exact   | number                       |
 * | bigint of 64 bits                       | int                    | number where exact, or bigint |
 * | string                                  | str                    | string                       |
 * | `Uint8Array`                            | bin                    | `Uint8Array`                 |
 * | array                                   | array                  | array                        |
 * | `Map`                                   | map                    | object if all keys are strings, else `Map` |
 * | object, without what is `undefined`     | map                    | object                       |
 * | object with `toJSON`                    | what `toJSON` returns  |                              |
 * | `Date`                                  | timestamp              | `Date`, in whole ms          |
 * | `MsgpackExt`                            | ext                    | `MsgpackExt`                 |
 *
 * Functions, symbols, sets, invalid dates, other views than `Uint8Array` and larger bigints are errors. A lone surrogate
 * in a string becomes U+FFFD; a string of a peer that is not UTF-8 is an error.
 * @throws UsageError `INVALID_OPTION`.
 */
export function msgpack(options: MsgpackOptions = {}): Codec {
  const { int64 = DEFAULT_MSGPACK_OPTIONS.int64, extensions: own = [] } = options;
  const settings = {
    maxDepth: countOption(options, "maxDepth", DEFAULT_MSGPACK_OPTIONS.maxDepth, 1),
    maxValues: countOption(options, "maxValues", DEFAULT_MSGPACK_OPTIONS.maxValues, 1),
    keepBigints: int64 === "bigint",
    extensions: [...own, timestampExtension],
  };
  if (int64 !== "safe" && int64 !== "bigint") {
    throw new UsageError("INVALID_OPTION", `int64 must be "safe" or "bigint", not ${String(int64)}`);
  }
  for (const { type } of own) {
    if (Number.isInteger(type) && type >= -1 && type <= 127) continue;
    throw new UsageError("INVALID_OPTION", `the type of an extension is -1 to 127, not ${String(type)}`);
  }
  const writer = new MsgpackWriter(settings);
  const reader = new MsgpackReader(settings);
  return {
    name: "msgpack",
    encode(value) {
      try {
        return writer.write(value);
      } catch (error) {
        throw error instanceof CodecError ? error : encodeFailed(thrownMessage(error), error);
      }
    },
    decode(data: Encoded) {
      if (typeof data === "string") throw decodeFailed("a text message where MessagePack was expected");
      try {
        return reader.read(data);
      } catch (error) {
        throw error instanceof CodecError ? error : decodeFailed(thrownMessage(error), error);
      }
    },
  };
}
