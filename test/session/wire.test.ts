import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { openBlock } from "#session/relay/open-block.js";
import { BlockSplitter, MAX_BLOCK_HEADER_BYTES, writeBlockHeader } from "#session/wire/block-frames.js";
import { encodeFields, encodePacket } from "#session/wire/encode-fields.js";
import { endBlock, readEnd } from "#session/wire/end-packet.js";
import { type OpenPacket, readOpen } from "#session/wire/open-packet.js";
import * as packetTypes from "#session/wire/packet-type.js";
import { RecordReader } from "#session/wire/record-reader.js";
import { sameBytes } from "#session/wire/same-bytes.js";
import * as sessionCodes from "#session/wire/session-code.js";
import { MAX_VARINT_BYTES, varintLength, writeVarint } from "#session/wire/varint.js";
import { readWelcome, welcomeBlock } from "#session/wire/welcome-packet.js";
import { WireReader } from "#session/wire/wire-reader.js";

const { PacketType, LEAVE_PACKET, MAX_BLOCK_BYTES, RESET_PACKET } = packetTypes;
const { SessionCode, actionOf } = sessionCodes;

const number = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
  fc.integer({ min: 1, max: 53 }).map((bits) => 2 ** bits - 1),
);
const bytes = (constraints?: fc.IntArrayConstraints): fc.Arbitrary<Uint8Array> => fc.uint8Array(constraints);
const sixteen = bytes({ minLength: 16, maxLength: 16 });

describe("varints", () => {
  it("come out as they went in, as long as said, from any place", () => {
    fc.assert(
      fc.property(number, fc.nat(5), (value, position) => {
        const buffer = new Uint8Array(20).fill(0xff);
        const end = writeVarint(buffer, position, value);
        assert.equal(end - position, varintLength(value));
        assert.ok(end - position <= MAX_VARINT_BYTES);
        const reader = new WireReader(buffer, position, end);
        assert.equal(reader.varint(), value);
        assert.equal(reader.at, end);
        assert.equal(reader.isBad, false);
      }),
    );
  });

  it("are refused where they are cut off", () => {
    fc.assert(
      fc.property(number, (value) => {
        const buffer = new Uint8Array(8);
        const end = writeVarint(buffer, 0, value);
        for (let cut = 0; cut < end; cut++) {
          const reader = new WireReader(buffer, 0, cut);
          reader.varint();
          assert.equal(reader.isBad, true);
        }
      }),
    );
  });

  for (const [name, hex] of [
    ["in two bytes that could be one", "8000"],
    ["with a last byte that says nothing", "ff8100"],
    ["of nine bytes", "ffffffffffffffff01"],
    ["above 2^53-1", "8080808080808010"],
  ] as const) {
    it(`are refused ${name}`, () => {
      const buffer = Buffer.from(hex, "hex");
      const reader = new WireReader(buffer, 0, buffer.length);
      assert.equal(reader.varint(), 0);
      assert.equal(reader.isBad, true);
    });
  }

  it("are read in exactly one form: what is read, written again, is the same", () => {
    fc.assert(
      fc.property(bytes({ minLength: 1, maxLength: 10 }), (input) => {
        const reader = new WireReader(input, 0, input.length);
        const value = reader.varint();
        if (reader.isBad) return;
        const again = new Uint8Array(8);
        const end = writeVarint(again, 0, value);
        assert.deepEqual(again.slice(0, end), input.slice(0, reader.at));
      }),
    );
  });
});

describe("fields", () => {
  it("do not go beyond the end of their packet", () => {
    const reader = new WireReader(Uint8Array.of(3, 1, 2, 9, 9), 0, 3);
    assert.deepEqual(reader.field(10), new Uint8Array(0));
    assert.equal(reader.isBad, true);
    assert.equal(reader.varint(), 0);
  });

  it("are not longer than allowed", () => {
    const reader = new WireReader(Uint8Array.of(3, 1, 2, 3), 0, 4);
    reader.field(2);
    assert.equal(reader.isBad, true);
  });

  it("are copies, also out of a Buffer", () => {
    const buffer = Buffer.from([2, 7, 8]);
    const field = new WireReader(buffer, 0, 3).field(2);
    buffer.fill(0);
    assert.deepEqual([...field], [7, 8]);
  });
});

describe("open", () => {
  const open: fc.Arbitrary<Omit<OpenPacket, "version">> = fc.record({
    isResume: fc.boolean(),
    isProbe: fc.boolean(),
    id: sixteen,
    token: sixteen,
    epoch: number.map((n) => Math.max(1, n)),
    received: number,
    windowBytes: number,
    maxMessageBytes: number,
    owner: bytes({ maxLength: 64 }),
    credentials: bytes({ maxLength: 400 }),
  });

  it("comes out as it went in", () => {
    fc.assert(
      fc.property(open, (packet) => {
        const block = openBlock(packet);
        assert.deepEqual(readOpen(block, 0, block.length), { version: 1, ...packet });
      }),
    );
  });

  it("is refused if it is cut off, or if something is behind it", () => {
    fc.assert(
      fc.property(open, fc.nat(), (packet, at) => {
        const block = new Uint8Array(openBlock(packet));
        assert.equal(readOpen(block, 0, at % block.length), undefined);
        assert.equal(readOpen(Buffer.concat([block, Buffer.of(0)]), 0, block.length + 1), undefined);
      }),
    );
  });

  it("is no session without a version in common, whatever is behind the versions", () => {
    const block = encodePacket(0x02, [2, 9, Uint8Array.of(1, 2, 3)]);
    assert.equal(readOpen(block, 0, block.length)?.version, 0);
  });

  for (const [name, fields] of [
    ["version 0", [0, 1, 0]],
    ["a highest version below the lowest", [2, 1, 0]],
    ["an unknown flag", [1, 1, 4, new Uint8Array(32), 1, 0, 0, 0, 0, 0]],
    ["epoch 0", [1, 1, 0, new Uint8Array(32), 0, 0, 0, 0, 0, 0]],
    ["an owner that is too long", [1, 1, 0, new Uint8Array(32), 1, 0, 0, 0, 65, new Uint8Array(65), 0]],
    [
      "credentials that are too long",
      [1, 1, 0, new Uint8Array(32), 1, 0, 0, 0, 0, 8193, new Uint8Array(8193)],
    ],
  ] as const) {
    it(`is refused with ${name}`, () => {
      const block = encodePacket(0x02, fields);
      assert.equal(readOpen(block, 0, block.length), undefined);
    });
  }
});

describe("welcome, reset and leave", () => {
  it("come out as they went in", () => {
    fc.assert(
      fc.property(number, number, number, number, bytes({ maxLength: 64 }), (a, b, c, d, owner) => {
        const welcome = { received: a, windowBytes: b, maxMessageBytes: c, resumeWindowMs: d, owner };
        const block = welcomeBlock(welcome);
        const reader = new WireReader(block, 1, block.length);
        assert.equal(reader.varint(), block.length - reader.at);
        assert.deepEqual(readWelcome(reader), { version: 1, ...welcome });
        assert.equal(reader.isBad, false);
      }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 4000, max: 4599 }),
        number,
        number,
        bytes({ maxLength: 120 }),
        (code, notBeforeMs, spreadMs, reason) => {
          for (const type of [RESET_PACKET, LEAVE_PACKET] as const) {
            const block = endBlock(type, code, reason, notBeforeMs, spreadMs);
            assert.equal(block[0], type);
            const reader = new WireReader(block, 2, block.length);
            const read = readEnd(reader);
            assert.deepEqual(read, { code, notBeforeMs, spreadMs, reason: reason.slice(0, 96) });
            assert.equal(reader.isBad, false);
          }
        },
      ),
    );
  });

  for (const code of [0, 1000, 3999, 4600]) {
    it(`are refused with the code ${code}`, () => {
      const body = encodeFields([code, 0, 0]);
      const reader = new WireReader(body, 0, body.length);
      readEnd(reader);
      assert.equal(reader.isBad, true);
    });
  }
});

describe("records", () => {
  it("are read without an error, or not at all, whatever the bytes are", () => {
    fc.assert(
      fc.property(bytes({ maxLength: 60 }), (input) => {
        const reader = new RecordReader(input, 0, input.length);
        while (reader.at < reader.end && reader.next()) {
          assert.ok(reader.start <= reader.at && reader.at <= input.length);
        }
      }),
    );
  });
});

describe("BlockSplitter", () => {
  const blocks = fc.array(bytes({ minLength: 1, maxLength: 300 }), { maxLength: 8 });

  function stream(all: readonly Uint8Array[]): Buffer {
    return Buffer.concat(
      all.flatMap((block) => {
        const header = new Uint8Array(MAX_BLOCK_HEADER_BYTES);
        return [header.subarray(0, writeBlockHeader(header, 0, block.length)), block];
      }),
    );
  }

  it("finds the blocks wherever the stream is cut", () => {
    fc.assert(
      fc.property(blocks, fc.array(fc.nat(2_500)), (all, cuts) => {
        const found: Uint8Array[] = [];
        const splitter = new BlockSplitter((b, start, end) => {
          found.push(b.slice(start, end));
          return true;
        });
        const whole = new Uint8Array(stream(all));
        let at = 0;
        for (const cut of [...cuts, whole.length].sort((a, b) => a - b)) {
          const end = Math.max(at, Math.min(cut, whole.length));
          assert.equal(splitter.push(whole, at, end), true);
          at = end;
        }
        assert.deepEqual(found, all);
        assert.equal(splitter.isBetweenBlocks, true);
      }),
    );
  });

  it("takes a block of 64 KiB, and none that is longer, empty, or has a length in a longer form", () => {
    const takes = (hex: string): boolean => {
      const splitter = new BlockSplitter(() => true);
      const input = Buffer.from(hex, "hex");
      return splitter.push(input, 0, input.length);
    };
    assert.equal(takes("808004"), true);
    assert.equal(takes("818004"), false);
    assert.equal(takes("00"), false);
    assert.equal(takes("8000"), false);
    assert.equal(takes("80808001"), false);
    assert.equal(MAX_BLOCK_BYTES, 65_536);
  });

  it("stops when its taker wants no more", () => {
    let count = 0;
    const splitter = new BlockSplitter(() => ++count < 2);
    const whole = stream([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]);
    assert.equal(splitter.push(whole, 0, whole.length), false);
    assert.equal(splitter.push(whole, 0, whole.length), false);
    assert.equal(count, 2);
  });
});

describe("codes", () => {
  it("say by their range what to do", () => {
    const actions = [0, 1006, 3999, 4000, 4199, 4200, 4399, 4400, 4599, 4600, 4999].map(actionOf);
    assert.deepEqual(actions, [
      "retry",
      "retry",
      "retry",
      "retry",
      "retry",
      "reset",
      "reset",
      "stop",
      "stop",
      "retry",
      "retry",
    ]);
  });

  it("are the same by name and alone", () => {
    const alone = (suffix: string, all: Readonly<Record<string, unknown>>): Record<string, unknown> =>
      Object.fromEntries(
        Object.entries(all)
          .filter(([name]) => name.endsWith(suffix) && !name.startsWith("SKIPPABLE"))
          .map(([name, value]) => [
            name
              .slice(0, -suffix.length)
              .toLowerCase()
              .replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
            value,
          ]),
      );
    assert.deepEqual(alone("_CODE", sessionCodes), { ...SessionCode });
    assert.deepEqual(alone("_PACKET", packetTypes), { ...PacketType });
  });
});

describe("sameBytes", () => {
  it("is true for the same bytes and nothing else", () => {
    fc.assert(
      fc.property(bytes({ maxLength: 20 }), bytes({ maxLength: 20 }), (one, other) => {
        assert.equal(sameBytes(one, new Uint8Array(one)), true);
        assert.equal(sameBytes(one, other), Buffer.from(one).equals(Buffer.from(other)));
      }),
    );
  });
});
