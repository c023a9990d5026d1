import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8Decode } from "#node/utf8-decode.js";

function decode(bytes: readonly number[]): string | undefined {
  return utf8Decode(Buffer.from([0x61, ...bytes, 0x62]), 1, 1 + bytes.length);
}

describe("utf8Decode", () => {
  it("reads whatever is in a text", () => {
    for (const text of ["", "a", "é", "\u{1F6A2}", "\uFEFFx", "\u0000", "\uFFFD", "a\uFFFDé\u{1F6A2}"])
      assert.equal(decode([...Buffer.from(text)]), text);
  });

  it("refuses what is not UTF-8, also beside the sign for that", () => {
    for (const bytes of [
      [0xff],
      [0xc3],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xef, 0xbf, 0xbd, 0xff],
      [0x61, 0xe2, 0x82],
    ])
      assert.equal(decode(bytes), undefined, String(bytes));
  });
});
