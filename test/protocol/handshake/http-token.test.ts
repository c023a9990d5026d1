import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  equalsIgnoringAsciiCase,
  isFieldText,
  isToken,
  listsInclude,
  parseDistinctTokens,
  splitList,
  trimWhitespace,
} from "#protocol/handshake/http-token.js";

describe("http-token", () => {
  it("knows exactly the token characters of RFC 9110", () => {
    const pattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/;
    for (let code = 0; code < 0x180; code++) {
      const char = String.fromCharCode(code);
      assert.equal(isToken(char), pattern.test(char), `character ${code}`);
    }
    assert.equal(isToken(""), false);
  });

  it("lets HTAB, SP, visible ASCII and obs-text stand in a value, and nothing else", () => {
    for (let code = 0; code < 0x180; code++) {
      const allowed = code === 9 || (code >= 0x20 && code <= 0x7e) || (code >= 0x80 && code <= 0xff);
      assert.equal(isFieldText(String.fromCharCode(code)), allowed, `character ${code}`);
    }
  });

  it("folds the case of A-Z only", () => {
    assert.equal(equalsIgnoringAsciiCase("Upgrade", "uPGRADE"), true);
    assert.equal(equalsIgnoringAsciiCase("\u212Aey", "key"), false);
    assert.equal(equalsIgnoringAsciiCase("\u00C4", "\u00E4"), false);
    assert.equal(equalsIgnoringAsciiCase("[", "{"), false);
  });

  it("trims SP and HTAB but not U+00A0", () => {
    assert.equal(trimWhitespace(" \t\u00A0a \t"), "\u00A0a");
    assert.equal(trimWhitespace("\t "), "");
  });

  it("skips empty list elements", () => {
    assert.deepEqual(splitList(" , a\t,,b c , "), ["a", "b c"]);
    assert.deepEqual(splitList(""), []);
  });

  it("finds a token in any of several lists and in any case", () => {
    assert.equal(listsInclude(["keep-alive", "h2c, UPGRADE"], "upgrade"), true);
    assert.equal(listsInclude(["upgrades", "up grade"], "upgrade"), false);
    assert.equal(listsInclude([], "upgrade"), false);
  });

  it("reads distinct tokens, `__proto__` among them", () => {
    assert.deepEqual(parseDistinctTokens(["a, b", "__proto__,constructor"]), [
      "a",
      "b",
      "__proto__",
      "constructor",
    ]);
    for (const malformed of [["a", "a"], ["a b"], ['"a"'], [""], [","], []]) {
      assert.equal(parseDistinctTokens(malformed), undefined, JSON.stringify(malformed));
    }
  });

  it("takes tokens apart that were joined by commas", () => {
    const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,8}$/);
    fc.assert(
      fc.property(fc.uniqueArray(token, { minLength: 1 }), (tokens) => {
        assert.deepEqual(parseDistinctTokens([tokens.join(" ,\t")]), tokens);
      }),
    );
  });
});
