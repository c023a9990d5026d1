import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { dictionaryBlock, hasDictionaries } from "#node/deflate/zlib-dictionary.js";

describe("dictionaryBlock", () => {
  it("does what a dictionary does, for zlibs that take none", () => {
    for (const size of [1, 1_000, 32_768]) {
      const dictionary = randomBytes(size);
      const message = Buffer.concat([dictionary.subarray(-500), Buffer.from("and more")]);
      const deflated = deflateRawSync(message, { dictionary });
      const inflated = inflateRawSync(Buffer.concat([dictionaryBlock(dictionary), deflated]));
      assert.ok(inflated.subarray(size).equals(message), String(size));
    }
  });
});

describe("hasDictionaries", () => {
  it("is true on Node", () => assert.equal(hasDictionaries, true));
});
