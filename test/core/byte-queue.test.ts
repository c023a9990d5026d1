import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ByteQueue } from "#core/byte-queue.js";

const zeroed = { allocate: (byteLength: number): Uint8Array => new Uint8Array(byteLength) };

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
        const queue = new ByteQueue(zeroed);
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

  it("keeps what is large in blocks, without doubling, and gives it back in order", () => {
    const pieces = [3_000_000, 3_000_000, 1, 9_000_000, 4_194_303, 2, 5_000_000, 100];
    for (const expected of [0, pieces.reduce((sum, length) => sum + length, 0)]) {
      const queue = new ByteQueue(zeroed);
      const parts: Buffer[] = [];
      for (const [i, length] of pieces.entries()) {
        const part = Buffer.alloc(length + 2, i + 1);
        part[1] = 0xf0 + i;
        queue.append(part, 1, 1 + length, expected);
        parts.push(part.subarray(1, 1 + length));
        assert.ok(queue.heldBytes <= 8 * 192 + 2 * queue.byteLength);
      }
      const whole = Buffer.concat(parts);
      assert.equal(queue.byteLength, whole.length);
      assert.ok(queue.heldBytes < whole.length + 8_400_000);
      assert.ok(whole.equals(queue.concat()));
      assert.ok(whole.equals(queue.concat()));
    }
  });

  it("copies what it is given: the chunk may be used again", () => {
    for (const length of [3, 70_000]) {
      const queue = new ByteQueue(zeroed);
      const chunk = new Uint8Array(length).fill(1);
      queue.append(chunk, 0, length);
      chunk.fill(9);
      queue.append(chunk, 0, 1);
      assert.deepEqual(queue.concat(), Uint8Array.of(...Array<number>(length).fill(1), 9));
    }
  });

  it("takes no more room than is expected, nor more than twice what has come", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 30 }),
        fc.nat(60_000),
        (sizes, more) => {
          const expected = sizes.reduce((sum, size) => sum + size, 0) + more;
          const queue = new ByteQueue(zeroed);
          for (const size of sizes) {
            queue.append(new Uint8Array(size), 0, size, expected);
            assert.ok(queue.heldBytes <= 192 + Math.max(512, 2 * queue.byteLength));
            assert.ok(queue.heldBytes <= 192 + expected);
          }
        },
      ),
    );
  });

  it("gives back a message of known length without another copy", () => {
    const queue = new ByteQueue(zeroed);
    queue.append(new Uint8Array(60_000), 0, 60_000, 65_536);
    queue.append(new Uint8Array(5_536), 0, 5_536, 65_536);
    assert.equal(queue.concat().buffer.byteLength, 65_536);
  });

  it("holds many one-byte pieces in few objects", () => {
    const queue = new ByteQueue(zeroed);
    for (let i = 0; i < 200_000; i++) queue.append(Uint8Array.of(i & 0xff), 0, 1);
    const whole = queue.concat();
    assert.equal(whole.length, 200_000);
    assert.equal(whole[65_537], 1);
  });
});
