import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { frameHeaderLength, MAX_HEADER_BYTES, writeFrameHeader } from "#protocol/frame-header.js";
import { FrameParser, type FrameSink } from "#protocol/frame-parser.js";
import { applyMask, readMaskKey, rotateMaskKey, writeMaskKey } from "#protocol/mask.js";
import { type FrameSpec, frame, readFrames } from "../support/frames.js";

/** What a parser found: headers, and the payloads put together. */
class Collector implements FrameSink {
  readonly frames: {
    firstByte: number;
    masked: boolean;
    length: number;
    payload: Buffer;
    isWhole: boolean;
  }[] = [];
  readonly problems: string[] = [];

  frameHeader(firstByte: number, masked: boolean, length: number): boolean {
    this.frames.push({ firstByte, masked, length, payload: Buffer.alloc(0), isWhole: false });
    return true;
  }

  framePayload(bytes: Uint8Array, start: number, end: number, isAscii: boolean, last: boolean): boolean {
    const current = this.frames.at(-1)!;
    const piece = Buffer.from(bytes.subarray(start, end));
    if (isAscii) assert.ok(piece.every((byte) => byte < 128));
    current.payload = Buffer.concat([current.payload, piece]);
    assert.equal(current.isWhole, false);
    current.isWhole = last;
    return true;
  }

  frameLengthInvalid(code: string): void {
    this.problems.push(code);
  }
}

const anyFrame: fc.Arbitrary<FrameSpec> = fc.record({
  opcode: fc.nat(15),
  fin: fc.boolean(),
  rsv: fc.nat(7),
  mask: fc.option(fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }), { nil: undefined }),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 140 }),
    fc
      .constantFrom(125, 126, 127, 300, 65_535, 65_536, 65_600)
      .map((n) => new Uint8Array(n).map((_, i) => i * 7)),
  ),
});
const cutList = fc.array(fc.nat(), { maxLength: 12 });

function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.map((end, i) => bytes.subarray(at[i - 1] ?? 0, end));
}

function check(specs: readonly FrameSpec[], chunks: readonly Uint8Array[]): void {
  const parser = new FrameParser();
  const collector = new Collector();
  for (const chunk of chunks) assert.equal(parser.parse(new Uint8Array(chunk), 0, collector), chunk.length);
  assert.equal(parser.isBetweenFrames, true);
  assert.equal(collector.frames.length, specs.length);
  for (const [i, spec] of specs.entries()) {
    const found = collector.frames[i]!;
    assert.equal(found.firstByte, (spec.fin ? 128 : 0) | (spec.rsv! << 4) | spec.opcode);
    assert.equal(found.masked, spec.mask !== undefined);
    assert.equal(found.length, spec.payload!.length);
    assert.ok(found.payload.equals(Buffer.from(spec.payload!)));
    assert.equal(found.isWhole, true);
  }
}

describe("FrameParser", () => {
  it("finds the same frames wherever the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 5 }), cutList, (specs, cuts) => {
        check(specs, pieces(Buffer.concat(specs.map(frame)), cuts));
      }),
      { numRuns: 150 },
    );
  });

  it("finds the same frames one byte at a time", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 3 }), (specs) => {
        const small = specs.map((spec) => ({ ...spec, payload: spec.payload!.slice(0, 300) as Uint8Array }));
        const bytes = Buffer.concat(small.map(frame));
        check(
          small,
          [...bytes].map((byte) => Uint8Array.of(byte)),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("judges a header before a byte of the payload has come", () => {
    const collector = new Collector();
    const parser = new FrameParser();
    parser.parse(frame({ opcode: 2, announce: 2n ** 53n - 1n }), 0, collector);
    assert.equal(collector.frames[0]?.length, Number.MAX_SAFE_INTEGER);
    assert.equal(parser.isBetweenFrames, false);
  });

  for (const [announce, lengthBits, problem] of [
    [0n, 16, "NON_MINIMAL_LENGTH"],
    [125n, 16, "NON_MINIMAL_LENGTH"],
    [126n, 16, undefined],
    [65_535n, 16, undefined],
    [0n, 64, "NON_MINIMAL_LENGTH"],
    [125n, 64, "NON_MINIMAL_LENGTH"],
    [65_535n, 64, "NON_MINIMAL_LENGTH"],
    [65_536n, 64, undefined],
    [2n ** 32n - 1n, 64, undefined],
    [2n ** 32n, 64, undefined],
    [2n ** 53n - 1n, 64, undefined],
    [2n ** 53n, 64, "LENGTH_OVERFLOW"],
    [2n ** 53n + 1n, 64, "LENGTH_OVERFLOW"],
    [2n ** 63n - 1n, 64, "LENGTH_OVERFLOW"],
    [2n ** 63n, 64, "LENGTH_OVERFLOW"],
    [2n ** 63n + 5n, 64, "LENGTH_OVERFLOW"],
    [2n ** 64n - 1n, 64, "LENGTH_OVERFLOW"],
  ] as const) {
    it(`takes a length of ${announce} in ${lengthBits} bits for ${problem ?? "right"}`, () => {
      for (const mask of [undefined, [1, 2, 3, 4]]) {
        const bytes = frame({ opcode: 2, announce, lengthBits, mask });
        for (const chunks of [[bytes], [...bytes].map((byte) => Uint8Array.of(byte))]) {
          const collector = new Collector();
          const parser = new FrameParser();
          for (const chunk of chunks) parser.parse(new Uint8Array(chunk), 0, collector);
          assert.deepEqual(collector.problems, problem === undefined ? [] : [problem]);
          assert.deepEqual(
            collector.frames.map((found) => found.length),
            problem === undefined ? [Number(announce)] : [],
          );
        }
      }
    });
  }
});

describe("writeFrameHeader", () => {
  it("writes the shortest length and no byte outside the header", () => {
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      for (const masked of [false, true]) {
        const expected = frame({
          opcode: 2,
          announce: BigInt(length),
          mask: masked ? [9, 9, 9, 9] : undefined,
        });
        const bytes = new Uint8Array(MAX_HEADER_BYTES + 4).fill(9);
        const end = writeFrameHeader(bytes, 2, 0x82, length, masked);
        assert.equal(frameHeaderLength(length, masked), expected.length);
        assert.equal(end - 2 + (masked ? 4 : 0), expected.length);
        assert.deepEqual([...bytes.subarray(2, 2 + expected.length)], [...expected]);
        assert.ok(bytes.subarray(0, 2).every((b) => b === 9) && bytes.subarray(end).every((b) => b === 9));
      }
    }
  });

  it("is undone by the parser", () => {
    fc.assert(
      fc.property(fc.nat(255), fc.maxSafeNat(), fc.option(fc.integer()), (firstByte, length, key) => {
        const bytes = new Uint8Array(MAX_HEADER_BYTES);
        const behind = writeFrameHeader(bytes, 0, firstByte, length, key !== null);
        if (key !== null) writeMaskKey(key, bytes, behind);
        const collector = new Collector();
        new FrameParser().parse(bytes.subarray(0, frameHeaderLength(length, key !== null)), 0, collector);
        assert.deepEqual(collector.problems, []);
        const found = collector.frames[0]!;
        assert.deepEqual([found.firstByte, found.masked, found.length], [firstByte, key !== null, length]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("applyMask", () => {
  it("masks as RFC 6455 §5.3 says, at every alignment and length, and tells whether all is ASCII", () => {
    const key = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ max: 127, maxLength: 300 }),
      fc
        .tuple(fc.integer({ min: 80, max: 300 }), fc.nat(299), fc.integer({ min: 128, max: 255 }))
        .map(([n, at, b]) => new Uint8Array(n).fill(65).fill(b, at % n, (at % n) + 1)),
    );
    fc.assert(
      fc.property(payload, key, fc.nat(8), fc.nat(3), (plain, keyBytes, offset, shift) => {
        const buffer = new Uint8Array(offset + shift + plain.length + 3).fill(0x55);
        const bytes = buffer.subarray(shift);
        for (const [i, byte] of plain.entries()) bytes[offset + i] = byte ^ keyBytes[i % 4]!;
        const seen = applyMask(
          bytes,
          offset,
          offset + plain.length,
          readMaskKey(Uint8Array.from(keyBytes), 0),
        );
        assert.deepEqual([...bytes.subarray(offset, offset + plain.length)], [...plain]);
        assert.ok(buffer.subarray(0, shift + offset).every((b) => b === 0x55));
        assert.ok(bytes.subarray(offset + plain.length).every((b) => b === 0x55));
        assert.equal(
          (seen & 0x80808080) === 0,
          plain.every((byte) => byte < 128),
        );
      }),
      { numRuns: 1500 },
    );
  });

  it("goes on with a rotated key where the payload is cut", () => {
    const readKey = (bytes: readonly number[]): number => readMaskKey(Uint8Array.from(bytes), 0);
    assert.equal(rotateMaskKey(readKey([1, 2, 0xf3, 0xf4]), 0), readKey([1, 2, 0xf3, 0xf4]));
    assert.equal(rotateMaskKey(readKey([1, 2, 0xf3, 0xf4]), 5), readKey([2, 0xf3, 0xf4, 1]));
    assert.equal(rotateMaskKey(readKey([1, 2, 0xf3, 0xf4]), 2), readKey([0xf3, 0xf4, 1, 2]));
    assert.equal(rotateMaskKey(readKey([1, 2, 0xf3, 0xf4]), 7), readKey([0xf4, 1, 2, 0xf3]));
  });
});

describe("readFrames of the tests", () => {
  it("reads what frame() wrote", () => {
    const bytes = Buffer.concat([
      frame({ opcode: 1, payload: "Hello", mask: [0x37, 0xfa, 0x21, 0x3d] }),
      frame({ opcode: 9, payload: "x" }),
    ]);
    // RFC 6455 §5.7: a single-frame masked text message.
    assert.equal(bytes.subarray(0, 11).toString("hex"), "818537fa213d7f9f4d5158");
    assert.deepEqual(
      readFrames(bytes).map(({ opcode, payload }) => [opcode, payload.toString()]),
      [
        [1, "Hello"],
        [9, "x"],
      ],
    );
    assert.throws(() => readFrames(bytes.subarray(0, -1)), RangeError);
  });
});
