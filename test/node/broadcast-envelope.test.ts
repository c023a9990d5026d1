import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeEnvelope, encodeEnvelope, SENDER_BYTES } from "#node/server/broadcast-envelope.js";
import { Opcode } from "#protocol/opcode.js";

const sender = fc.uint8Array({ minLength: SENDER_BYTES, maxLength: SENDER_BYTES });
const compress = fc.constantFrom(undefined, true, false);
const text = fc.string({ unit: "binary" }).map((one) => Buffer.from(one));

describe("the envelope of a broadcast", () => {
  it("gives back what was put in", () => {
    const message = fc.oneof(
      fc.record({ sender, compress, opcode: fc.constant(Opcode.text), payload: text }),
      fc.record({ sender, compress, opcode: fc.constant(Opcode.binary), payload: fc.uint8Array() }),
    );
    fc.assert(
      fc.property(message, (one) => {
        const found = decodeEnvelope(encodeEnvelope(one));
        assert.ok(found);
        assert.deepEqual(
          { ...found, sender: [...found.sender], payload: [...found.payload] },
          { ...one, sender: [...one.sender], payload: [...one.payload] },
        );
      }),
    );
  });

  it("never throws, whatever the broker brings", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.anything()), (bytes) => {
        assert.equal(decodeEnvelope(bytes), undefined);
      }),
    );
  });

  it("is none with another mark, another version, unknown flags, or no room for a sender", () => {
    const good = encodeEnvelope({
      sender: new Uint8Array(SENDER_BYTES),
      opcode: Opcode.binary,
      compress: undefined,
      payload: new Uint8Array(),
    });
    assert.ok(decodeEnvelope(good));
    for (const [at, byte] of [
      [0, 0],
      [1, 0],
      [2, 2],
      [3, 8],
    ] as const) {
      assert.equal(decodeEnvelope(good.with(at, byte)), undefined, `byte ${at}`);
    }
    assert.equal(decodeEnvelope(good.subarray(0, -1)), undefined);
  });

  it("is none with text that is not UTF-8, and takes the same bytes as binary", () => {
    const payload = Uint8Array.of(0xc3, 0x28);
    const of = (opcode: typeof Opcode.text | typeof Opcode.binary) =>
      decodeEnvelope(
        encodeEnvelope({ sender: new Uint8Array(SENDER_BYTES), opcode, compress: undefined, payload }),
      );
    assert.equal(of(Opcode.text), undefined);
    assert.ok(of(Opcode.binary));
  });
});
