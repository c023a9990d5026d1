import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { maskedByWasm } from "#node/wasm-mask.js";
import { accelerateMask, applyMask, NON_ASCII_BITS } from "#protocol/mask.js";

/** As RFC 6455 §5.3 has it. */
function plainly(bytes: Uint8Array, start: number, end: number, key: number): boolean {
  let isAscii = true;
  for (let i = start; i < end; i++) {
    bytes[i]! ^= (key >>> (8 * ((i - start) & 3))) & 0xff;
    if (bytes[i]! >= 0x80) isAscii = false;
  }
  return isAscii;
}

const SPACE = 4096;
const range = fc.tuple(fc.nat(SPACE), fc.oneof(fc.nat(70), fc.nat(SPACE))).map(([start, length]) => ({
  start,
  end: Math.min(SPACE, start + length),
}));

describe("applyMask", () => {
  // Twice over the same bytes: the second time goes another way than the first.
  for (const [name, makeBytes] of [
    ["bytes of their own", () => new Uint8Array(SPACE)],
    ["a part of a larger buffer", () => new Uint8Array(new ArrayBuffer(SPACE + 3), 3)],
    ["a buffer in the memory of WebAssembly", accelerated],
  ] as const) {
    it(`does what RFC 6455 §5.3 says, for ${name}`, () => {
      fc.assert(
        fc.property(
          fc.array(range, { minLength: 1, maxLength: 6 }),
          fc.integer(),
          fc.boolean(),
          (ranges, key, high) => {
            const bytes = makeBytes();
            const expected = new Uint8Array(SPACE);
            for (let i = 0; i < SPACE; i++) expected[i] = bytes[i] = (i * 31) & (high ? 0xff : 0x7f);
            for (const { start, end } of ranges) {
              const isAscii = plainly(expected, start, end, key);
              const seen = applyMask(bytes, start, end, key);
              assert.equal((seen & NON_ASCII_BITS) === 0, isAscii);
              assert.ok(expected.every((byte, i) => byte === bytes[i]));
            }
          },
        ),
        { numRuns: 300 },
      );
    });
  }
});

const memory = maskedByWasm(SPACE);

function accelerated(): Uint8Array {
  assert.ok(memory, "the Nodes that are supported have WebAssembly with SIMD");
  accelerateMask(memory);
  return memory.bytes;
}
