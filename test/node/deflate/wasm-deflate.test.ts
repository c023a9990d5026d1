import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { jsonText } from "#bench/json-text.js";
import { seededRandom } from "#bench/seeded-random.js";
import { hasWasmDeflate, MAX_WASM_STREAMS, WasmDeflate } from "#node/deflate/wasm-deflate.js";
import { nodeHost } from "#node/node-host.js";

function inflated(deflated: Uint8Array, windowBits = 15, dictionary?: Buffer): Buffer {
  return inflateRawSync(deflated, {
    windowBits,
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary && { dictionary }),
  });
}

/** Bytes whose frequencies are Fibonacci numbers, in no order: the deepest Huffman tree that there is. */
function fibonacci(symbols: number): Buffer {
  const bytes: number[] = [];
  for (let symbol = 0, a = 1, b = 1; symbol < symbols; symbol++, [a, b] = [b, a + b]) {
    for (let i = 0; i < a; i++) bytes.push(symbol);
  }
  const random = seededRandom(1);
  for (let i = bytes.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [bytes[i], bytes[other]] = [bytes[other]!, bytes[i]!];
  }
  return Buffer.from(bytes);
}

describe("deflating in WebAssembly", () => {
  it("limits the lengths of codes to 15 bits, as RFC 1951 wants it", () => {
    for (const symbols of [12, 17, 19, 20]) {
      const message = fibonacci(symbols);
      assert.ok(inflated(WasmDeflate.once(15, Buffer.alloc(0), message)!).equals(message), `${symbols}`);
    }
  });

  it("gives zlib what it inflates to the same, any bytes in any window", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 3_000 }),
      fc.array(fc.constantFrom("a", "ab", "abc", '{"id":', "1", ","), { maxLength: 3_000 }).map(join),
    );
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 15 }), bytes, bytes, (windowBits, before, message) => {
        const window = Buffer.from(before).subarray(-(2 ** windowBits));
        const deflated = WasmDeflate.once(windowBits, window, message)!;
        assert.ok(inflated(deflated, windowBits, window).equals(Buffer.from(message)));
      }),
      { numRuns: 300 },
    );
  });

  it("writes a text as it writes its bytes, and leaves long ones to be encoded elsewhere", () => {
    for (const text of ["a", "€".repeat(3_000), "\ud800 alone", "𝄞".repeat(8_192), "x".repeat(32_768)]) {
      const [one, other] = [0, 1].map(() => WasmDeflate.open(15, Buffer.alloc(0)));
      const expected = one!.write(Buffer.from(text));
      assert.ok(other!.writeText(text)?.equals(expected), `${text.length}`);
      one!.close();
      other!.close();
    }
    const stream = WasmDeflate.open(15, Buffer.alloc(0))!;
    assert.equal(stream.writeText("€".repeat(10_923)), undefined);
    stream.close();
  });

  it("is as small as zlib's fastest level on JSON, and much smaller on a document that is sent again", () => {
    const random = seededRandom(7);
    const messages = Array.from({ length: 100 }, () => jsonText(1_000, random));
    const [first = Buffer.alloc(0)] = messages;
    const context = nodeHost.createDeflate!(15);
    let ours = 0;
    let zlibs = 0;
    let window: Buffer = Buffer.alloc(0);
    for (const message of messages) {
      ours += context.deflate(message).length;
      zlibs += deflateRawSync(message, {
        level: 1,
        finishFlush: constants.Z_SYNC_FLUSH,
        ...(window.length > 0 && { dictionary: window }),
      }).length;
      window = Buffer.concat([window, message]).subarray(-32_768);
    }
    assert.ok(ours < zlibs * 1.03, `${ours} bytes, and ${zlibs} of zlib`);
    context.deflate(first);
    assert.ok(context.deflate(first).length < 40);
    context.dispose();
  });

  it("is bounded: so many streams, whose memory is used again, and none for who comes later", () => {
    const contexts = Array.from({ length: MAX_WASM_STREAMS + 3 }, () => nodeHost.createDeflate!(15));
    for (let round = 0; round < 2; round++) {
      const windows = contexts.map((context, i) => {
        for (let n = 0; n < 3; n++) context.deflate(Buffer.from(`message ${n} of ${i}`));
        return context.heldBytes!;
      });
      assert.equal(windows.filter((held) => held > 65_536).length, hasWasmDeflate ? MAX_WASM_STREAMS : 0);
      for (const [i, context] of contexts.entries()) {
        const deflated = context.deflate(Buffer.from(`message 2 of ${i}`));
        assert.ok(deflated.length < 14, "what was sent before is known, with a stream and without");
        context.dispose();
      }
    }
  });
});

function join(words: readonly string[]): Uint8Array {
  return Buffer.from(words.join(""));
}
