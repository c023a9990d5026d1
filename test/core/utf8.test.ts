import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { describe, it } from "node:test";
import fc from "fast-check";
import { utf8ByteLength, utf8Decode, utf8Write } from "#core/utf8-encoding.js";
import { type IsUtf8, Utf8Validator } from "#core/utf8-validator.js";

const native: IsUtf8 = (bytes, start, end) => isUtf8(bytes.subarray(start, end));
const CHECKS: readonly (readonly [string, IsUtf8 | undefined])[] = [
  ["alone", undefined],
  ["with a native check", native],
];

/** What the platform's decoder says. */
function isText(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Whether some continuation makes `prefix` valid, found by trying them: a character has at most three more bytes. */
function canBeContinued(prefix: Uint8Array): boolean {
  const tails = [[], [0x80], [0x90], [0xa0], [0x80, 0x80], [0x90, 0x80], [0xa0, 0x80]];
  for (const first of [0x80, 0x90, 0xa0]) tails.push([first, 0x80, 0x80]);
  return tails.some((tail) => isText(Uint8Array.of(...prefix, ...tail)));
}

/** How many bytes are accepted before the first that is not, given one at a time. */
function acceptedBytes(bytes: Uint8Array, check: IsUtf8 | undefined): number {
  const validator = new Utf8Validator(check);
  for (let i = 0; i < bytes.length; i++) {
    if (!validator.push(bytes, i, i + 1)) return i;
  }
  return bytes.length;
}

function isAccepted(bytes: Uint8Array, cuts: readonly number[], check: IsUtf8 | undefined): boolean {
  const validator = new Utf8Validator(check);
  let start = 0;
  for (const cut of [...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    if (!validator.push(bytes, start, cut)) return false;
    start = cut;
  }
  return validator.isComplete;
}

/** Text and half text: mostly UTF-8, with some bytes that are not. */
const nearlyText: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.string({ unit: "binary", maxLength: 30 }).map((s) => Buffer.from(s)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }) },
    ),
    { maxLength: 6 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));
const cutList = fc.array(fc.nat(400), { maxLength: 6 });

for (const [name, check] of CHECKS) {
  describe(`Utf8Validator ${name}`, () => {
    it("agrees with TextDecoder on any bytes, cut anywhere", () => {
      fc.assert(
        fc.property(nearlyText, cutList, (bytes, cuts) => {
          assert.equal(isAccepted(bytes, cuts, check), isText(bytes));
        }),
        { numRuns: 1500 },
      );
    });

    it("agrees with Node on every pair of bytes and on every lead with every second byte", () => {
      for (let a = 0; a < 256; a++) {
        for (let b = 0; b < 256; b++) {
          const pair = Uint8Array.of(a, b);
          if (isAccepted(pair, [], check) !== isUtf8(pair)) assert.fail(`${a} ${b}`);
          const full = Uint8Array.of(a, b, 0x80, 0x80).subarray(0, a >= 0xf0 ? 4 : 3);
          if (isAccepted(full, [], check) !== isUtf8(full)) assert.fail(`${a} ${b} 128 128`);
        }
      }
    });

    it("fails at the first byte after which no text is possible", () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 6 }), (bytes) => {
          let expected = 0;
          while (expected < bytes.length && canBeContinued(bytes.subarray(0, expected + 1))) expected++;
          assert.equal(acceptedBytes(bytes, check), expected);
        }),
        { numRuns: 300 },
      );
    });

    it("looks only at the range that is given", () => {
      const bytes = Uint8Array.of(0xff, 0x61, 0xc3, 0xa9, 0xff);
      const validator = new Utf8Validator(check);
      assert.equal(validator.push(bytes, 1, 4), true);
      assert.equal(validator.isComplete, true);
    });

    it("accepts long text cut inside each character of two, three and four bytes", () => {
      const text = Buffer.from("a".repeat(40) + "é€😀".repeat(20) + "z".repeat(40));
      for (let cut = 0; cut <= text.length; cut++)
        assert.equal(isAccepted(text, [cut], check), true, `${cut}`);
    });
  });
}

describe("UTF-8 encoding", () => {
  const anyString = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
    fc
      .array(fc.constantFrom("\ud83d", "\ude00", "\ud800", "\udfff", "a", "é", "€", "😀"))
      .map((p) => p.join("")),
  );

  it("writes what TextEncoder writes, lone surrogates included, and says how long it is", () => {
    fc.assert(
      fc.property(anyString, fc.nat(5), (text, position) => {
        const expected = new TextEncoder().encode(text);
        assert.equal(utf8ByteLength(text), expected.length);
        const bytes = new Uint8Array(position + expected.length + 3).fill(0xee);
        assert.equal(utf8Write(text, bytes, position), expected.length);
        assert.deepEqual(bytes.subarray(position, position + expected.length), expected);
        assert.ok(bytes.subarray(0, position).every((b) => b === 0xee));
        assert.ok(bytes.subarray(position + expected.length).every((b) => b === 0xee));
      }),
      { numRuns: 1000 },
    );
  });

  it("reads what TextEncoder wrote, a byte order mark included", () => {
    fc.assert(
      fc.property(anyString, (text) => {
        const bytes = new TextEncoder().encode(`x${text}\ufeff`);
        assert.equal(
          utf8Decode(bytes, 1, bytes.length),
          new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(1)),
        );
      }),
      { numRuns: 1000 },
    );
    for (const point of [0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xffff, 0x10000, 0x10ffff]) {
      const text = String.fromCodePoint(point);
      const bytes = new TextEncoder().encode(text);
      assert.equal(utf8Decode(bytes, 0, bytes.length), text);
    }
  });
});
