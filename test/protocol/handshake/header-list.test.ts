import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderList } from "#protocol/handshake/header-list.js";
import { assertMisuse } from "./heads.js";

describe("HeaderList", () => {
  const raw = ["Host", "a", "X-Two", "1", "x-two", "2", "__proto__", "p"];
  const headers = new HeaderList(raw);

  it("finds a name in any case and joins repeated fields", () => {
    assert.equal(headers.get("hOST"), "a");
    assert.equal(headers.get("X-TWO"), "1, 2");
    assert.deepEqual(headers.getAll("x-Two"), ["1", "2"]);
    assert.equal(headers.has("host"), true);
  });

  it("has nothing where nothing was sent", () => {
    for (const name of ["upgrade", "constructor", "toString", ""]) {
      assert.equal(headers.get(name), undefined);
      assert.deepEqual(headers.getAll(name), []);
      assert.equal(headers.has(name), false);
    }
  });

  it("takes `__proto__` for a name like any other", () => {
    assert.equal(headers.get("__PROTO__"), "p");
    assert.equal(new HeaderList([]).get("__proto__"), undefined);
  });

  it("keeps the raw list and iterates over it in order", () => {
    assert.equal(headers.raw, raw);
    assert.deepEqual(
      [...headers],
      [
        ["Host", "a"],
        ["X-Two", "1"],
        ["x-two", "2"],
        ["__proto__", "p"],
      ],
    );
  });

  it("refuses a name without a value", () => {
    assertMisuse(() => new HeaderList(["Host"]), "INVALID_HEADER");
  });
});
