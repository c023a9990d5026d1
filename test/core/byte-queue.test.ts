import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ByteQueue } from "#core/byte-queue.js";

describe("ByteQueue", () => {
  it("gives back all bytes in order, whatever the sizes of the pieces", () => {
    const size = fc.oneof(
      fc.nat(20),
      fc.nat(600),
      fc.nat(9000),
      fc.constantFrom(4095, 4096, 4097, 65_536, 70_000),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(size, fc.nat(9)), { maxLength: 20 }), (sizes) => {
        const queue = new ByteQueue();
        const expected: Buffer[] = [];
        let value = 0;
        for (const [length, offset] of sizes) {
          const chunk = new Uint8Array(offset + length + 3).map(() => value++ & 0xff);
          queue.append(chunk, offset, offset + length);
          expected.push(Buffer.from(chunk.subarray(offset, offset + length)));
        }
        const whole = Buffer.concat(expected);
        assert.equal(queue.byteLength, whole.length);
        assert.ok(whole.equals(queue.concat()));
      }),
      { numRuns: 200 },
    );
  });

  it("copies small pieces: the chunk they came in may be used again", () => {
    const queue = new ByteQueue();
    const chunk = Uint8Array.of(1, 2, 3);
    queue.append(chunk, 0, 3);
    chunk.fill(9);
    queue.append(chunk, 0, 1);
    assert.deepEqual([...queue.concat()], [1, 2, 3, 9]);
  });

  it("gives a single large piece back without a copy", () => {
    const queue = new ByteQueue();
    const chunk = new Uint8Array(8192);
    queue.append(chunk, 0, 8192);
    assert.equal(queue.concat().buffer, chunk.buffer);
  });

  it("does not keep a large chunk alive for a smaller piece of it", () => {
    const queue = new ByteQueue();
    const chunk = new Uint8Array(65_536);
    queue.append(chunk, 100, 100 + 8192);
    const whole = queue.concat();
    assert.notEqual(whole.buffer, chunk.buffer);
    assert.ok(whole.buffer.byteLength <= 2 * 8192);
  });

  it("holds many one-byte pieces in few objects", () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 200_000; i++) queue.append(Uint8Array.of(i & 0xff), 0, 1);
    const whole = queue.concat();
    assert.equal(whole.length, 200_000);
    assert.equal(whole[65_537], 1);
  });
});
