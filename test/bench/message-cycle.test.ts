import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constants, createInflateRaw, inflateRawSync } from "node:zlib";
import { buildFrame, FrameReader } from "hawser/conformance";
import { headerBytes, loadFrame } from "#bench/load-frame.js";
import { MessageCycle } from "#bench/message-cycle.js";

const TAIL = Buffer.of(0, 0, 0xff, 0xff);

function payloadsIn(writes: readonly Buffer[]): Buffer[] {
  const payloads: Buffer[] = [];
  const reader = new FrameReader(({ payload }) => payloads.push(Buffer.from(payload)));
  for (const write of writes) reader.push(write);
  return payloads;
}

describe("a frame of the generator", () => {
  for (const bytes of [0, 1, 125, 126, 65_535, 65_536]) {
    it(`is a frame as others build it, with ${bytes} bytes`, () => {
      const payload = Buffer.alloc(bytes, "abc");
      const mask = Buffer.of(0x37, 0xfa, 0x21, 0x3d);
      assert.deepEqual(
        loadFrame({ opcode: 2, payload, isMasked: true }),
        buildFrame({ opcode: 2, payload, mask }),
      );
      assert.equal(loadFrame({ opcode: 1, payload, isMasked: false }).length, headerBytes(bytes) + bytes);
    });
  }
});

describe("a cycle of messages", () => {
  it("fills whole windows, with every size as often as the others", async () => {
    const cycle = await MessageCycle.build({
      sizes: [10, 200, 3_000],
      window: 4,
      content: "binary",
      isMasked: true,
      compression: "none",
    });
    assert.deepEqual([...cycle.lengths], [10, 200, 3_000, 10, 200, 3_000, 10, 200, 3_000, 10, 200, 3_000]);
    assert.equal(cycle.first.length, 3);
    assert.equal(cycle.again, cycle.first);
    assert.deepEqual(payloadsIn(cycle.first), [...cycle.payloads]);
  });

  it("is the same each time, and has other JSON in each message", async () => {
    const build = (): Promise<MessageCycle> =>
      MessageCycle.build({
        sizes: [100],
        window: 1,
        content: "json",
        isMasked: true,
        compression: "none",
      });
    const [one, other] = await Promise.all([build(), build()]);
    assert.deepEqual(one.first, other.first);
    assert.equal(new Set(one.payloads.map(String)).size, one.payloads.length);
    assert.ok(one.payloads.length > 100);
  });

  it("has one document with one value changed, of the same size", async () => {
    const { payloads, totalBytes } = await MessageCycle.build({
      sizes: [1_000],
      window: 1,
      content: "document",
      isMasked: true,
      compression: "none",
    });
    assert.equal(totalBytes, 1_000 * payloads.length);
    for (const [index, payload] of payloads.entries()) {
      const before = payloads[index - 1] ?? payload;
      const changed = [...payload.keys()].filter((at) => payload[at] !== before[at]);
      assert.ok((changed.at(-1) ?? 0) - (changed[0] ?? 0) < 13, "within the digits of one time");
      assert.ok(index === 0 || changed.length > 0);
    }
  });

  it("has so many different texts that none is found again in a window of 32 KiB", async () => {
    for (const bytes of [64, 256, 1_024, 16_384]) {
      const { totalBytes } = await MessageCycle.build({
        sizes: [bytes],
        window: 4,
        content: "json",
        isMasked: true,
        compression: "kept",
      });
      assert.ok(totalBytes > 32_768 + bytes, `${totalBytes} bytes of messages of ${bytes}`);
    }
  });

  for (const bytes of [64, 1_024, 65_536]) {
    it(`compresses messages of ${bytes} bytes so that one window inflates them, round after round`, async () => {
      const cycle = await MessageCycle.build({
        sizes: [bytes],
        window: 2,
        content: "json",
        isMasked: false,
        compression: "kept",
      });
      const inflater = createInflateRaw({ flush: constants.Z_SYNC_FLUSH });
      let inflated: Buffer[] = [];
      inflater.on("data", (part: Buffer) => inflated.push(part));
      let wireBytes = 0;
      for (const writes of [cycle.first, cycle.again, cycle.again]) {
        for (const [index, body] of payloadsIn(writes).entries()) {
          inflated = [];
          wireBytes += body.length;
          await new Promise((resolve) => inflater.write(Buffer.concat([body, TAIL]), resolve));
          assert.ok(Buffer.concat(inflated).equals(cycle.payloads[index]!), `message ${index}`);
        }
      }
      assert.ok(wireBytes < cycle.totalBytes * 3 * 0.9, "they are compressed");
    });
  }

  it("compresses each message on its own where the window is to be forgotten", async () => {
    const cycle = await MessageCycle.build({
      sizes: [500],
      window: 1,
      content: "json",
      isMasked: false,
      compression: "fresh",
    });
    for (const [index, body] of payloadsIn(cycle.first).entries()) {
      const plain = inflateRawSync(Buffer.concat([body, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });
      assert.ok(plain.equals(cycle.payloads[index]!));
    }
  });
});
