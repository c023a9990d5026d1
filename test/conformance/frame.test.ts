import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildFrame, type FrameInput, FrameReader, type ReceivedFrame } from "hawser/conformance";
import { frameWords } from "#conformance/frame-words.js";

const MASK = Buffer.from("37fa213d", "hex");
const HELLO = Buffer.from("Hello");

/** The examples of RFC 6455 §5.7, as they are printed there. */
const EXAMPLES: readonly (readonly [name: string, input: FrameInput, hex: string])[] = [
  ["an unmasked text", { opcode: 1, payload: HELLO }, "810548656c6c6f"],
  ["a masked text", { opcode: 1, payload: HELLO, mask: MASK }, "818537fa213d7f9f4d5158"],
  ["a first fragment", { opcode: 1, fin: false, payload: Buffer.from("Hel") }, "010348656c"],
  ["a last fragment", { opcode: 0, payload: Buffer.from("lo") }, "80026c6f"],
  ["a ping", { opcode: 9, payload: HELLO }, "890548656c6c6f"],
  ["a masked pong", { opcode: 10, payload: HELLO, mask: MASK }, "8a8537fa213d7f9f4d5158"],
];

describe("buildFrame", () => {
  for (const [name, input, hex] of EXAMPLES) {
    it(`builds ${name} as RFC 6455 §5.7 has it`, () => assert.equal(buildFrame(input).toString("hex"), hex));
  }

  it("builds 256 bytes and 64 KiB with the lengths of RFC 6455 §5.7", () => {
    const head = (byteLength: number): string =>
      buildFrame({ opcode: 2, payload: Buffer.alloc(byteLength) })
        .subarray(0, -byteLength)
        .toString("hex");
    assert.equal(head(256), "827e0100");
    assert.equal(head(65_536), "827f0000000000010000");
  });

  it("builds what is forbidden: reserved bits, long forms, lengths that are not there", () => {
    assert.equal(buildFrame({ opcode: 3, rsv: 7, fin: false }).toString("hex"), "7300");
    assert.equal(
      buildFrame({ opcode: 1, lengthBits: 16, payload: HELLO }).toString("hex"),
      "817e000548656c6c6f",
    );
    assert.equal(
      buildFrame({ opcode: 1, lengthBits: 64, declaredBytes: 1n << 63n }).toString("hex"),
      "817f8000000000000000",
    );
  });
});

describe("FrameReader", () => {
  it("reads the examples, cut after every byte", () => {
    const bytes = Buffer.concat(EXAMPLES.map(([, input]) => buildFrame(input)));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const frames = read([bytes.subarray(0, cut), bytes.subarray(cut)]);
      assert.deepEqual(
        frames.map(({ opcode, fin, payload }) => [opcode, fin, payload.toString()]),
        EXAMPLES.map(([, { opcode, fin = true, payload }]) => [opcode, fin, payload!.toString()]),
      );
    }
  });

  it("keeps no more of a payload than it was told, and finds the next frame", () => {
    const frames: ReceivedFrame[] = [];
    const reader = new FrameReader((frame) => frames.push(frame), 3);
    reader.push(
      Buffer.concat([
        buildFrame({ opcode: 2, payload: Buffer.alloc(70_000, 1), mask: MASK }),
        buildFrame({ opcode: 9 }),
      ]),
    );
    assert.deepEqual(
      frames.map(({ payload, declaredBytes }) => [payload.toString("hex"), declaredBytes]),
      [
        ["010101", 70_000n],
        ["", 0n],
      ],
    );
  });

  it("puts frames into words", () => {
    const words = (input: FrameInput): string => frameWords(read([buildFrame(input)])[0]!);
    assert.equal(words({ opcode: 1, payload: HELLO, mask: MASK }), 'text, 5 bytes, masked "Hello"');
    assert.equal(
      words({ opcode: 8, payload: Buffer.from("03e8627965", "hex") }),
      'close, 5 bytes 1000 "bye"',
    );
    assert.equal(words({ opcode: 3, rsv: 5, fin: false }), "opcode 0x3, not final, RSV1, RSV3, 0 bytes");
    assert.equal(
      words({ opcode: 2, lengthBits: 64, payload: Buffer.from([0]) }),
      "binary, 1 byte in 64 bits <00>",
    );
  });
});

function read(pieces: readonly Buffer[]): ReceivedFrame[] {
  const frames: ReceivedFrame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  for (const piece of pieces) reader.push(piece);
  return frames;
}
