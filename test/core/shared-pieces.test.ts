import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedPieces } from "#core/shared-pieces.js";

const [a, b, c] = [Uint8Array.of(1), Uint8Array.of(2, 3), Uint8Array.of(4)];

describe("shared pieces", () => {
  it("are the same object for all who got the same, in the same order", () => {
    const first = SharedPieces.of(a, undefined);
    assert.equal(SharedPieces.of(a, first), first);
    const both = first.with(b);
    assert.equal(SharedPieces.of(a, first).with(b), both);
    assert.equal(both.joined, first.with(b).joined);
    assert.deepEqual([...both.joined], [1, 2, 3]);
    assert.deepEqual(both.pieces, [a, b]);
    assert.deepEqual([both.count, both.byteLength], [2, 3]);
  });

  it("part where somebody got something else, and keep what they had", () => {
    const first = SharedPieces.of(a, undefined);
    const [left, right] = [first.with(b), first.with(c)];
    assert.notEqual(left, right);
    assert.deepEqual([...left.joined], [1, 2, 3]);
    assert.deepEqual([...right.with(a).joined], [1, 4, 1]);
    assert.notEqual(SharedPieces.of(b, first), first);
    assert.equal(first.joined, a); // one piece is no copy
  });

  it("are told apart by who they are, not by what they hold", () => {
    const first = SharedPieces.of(a, undefined);
    assert.notEqual(SharedPieces.of(Uint8Array.of(1), first), first);
  });
});
