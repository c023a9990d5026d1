import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateRawSync, constants as zlib } from "node:zlib";
import fc from "fast-check";
import { buildFrame, type FrameInput } from "hawser/conformance";
import { AnswerCounter, type ExpectedAnswers } from "#bench/answer-counter.js";

const MASK = Buffer.of(9, 8, 7, 6);
const PAYLOADS = [1, 20, 125, 126, 300, 70_000].map((bytes) => Buffer.alloc(bytes, `${bytes} `));

/** A frame whose payload may be given as text. */
function frame({
  payload = "",
  ...more
}: Omit<FrameInput, "payload"> & { payload?: string | Buffer }): Buffer {
  return buildFrame({ ...more, payload: Buffer.from(payload) });
}

interface Heard {
  readonly counter: AnswerCounter;
  readonly pings: string[];
  readonly closes: string[];
  readonly greetings: { count: number };
}

function listening(more: Partial<ExpectedAnswers> = {}): Heard {
  const payloads = more.payloads ?? PAYLOADS;
  const [pings, closes, greetings]: [string[], string[], { count: number }] = [[], [], { count: 0 }];
  const counter = new AnswerCounter(
    {
      payloads,
      lengths: Int32Array.from(payloads, ({ length }) => length),
      opcode: 2,
      isMasked: false,
      mayBeCompressed: false,
      greetings: 0,
      ...more,
    },
    {
      ping: (payload) => pings.push(payload.toString()),
      close: (code, reason) => closes.push(`${code} ${reason}`),
      greeted: () => greetings.count++,
    },
  );
  return { counter, pings, closes, greetings };
}

const answer = (index: number): Buffer => PAYLOADS[index % PAYLOADS.length]!;

describe("the counter of answers", () => {
  it("counts the same however the bytes are cut, fragmented, masked, or mixed with pings", () => {
    const part = fc.record({
      fragments: fc.integer({ min: 1, max: 4 }),
      isPinged: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 12 }),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 20 }),
        (parts, isMasked, cuts) => {
          const { counter, pings } = listening({ isMasked });
          const mask = isMasked ? MASK : undefined;
          const frames = parts.flatMap(({ fragments, isPinged }, index) => {
            const payload = answer(index);
            const step = Math.ceil(payload.length / fragments);
            const pieces: Buffer[] = [];
            for (let start = 0; start < payload.length; start += step) {
              const isLast = start + step >= payload.length;
              const piece = payload.subarray(start, start + step);
              pieces.push(frame({ opcode: start === 0 ? 2 : 0, payload: piece, fin: isLast, mask }));
              if (isPinged) pieces.push(frame({ opcode: 9, payload: Buffer.from("hi"), mask }));
            }
            return pieces;
          });
          const wire = Buffer.concat(frames);
          let count = 0;
          for (let at = 0, turn = 0; at < wire.length; turn++) {
            const end = Math.min(wire.length, at + cuts[turn % cuts.length]!);
            count += counter.push(wire.subarray(at, end));
            at = end;
          }
          assert.equal(counter.fault, undefined);
          assert.equal(count, parts.length);
          if (parts.some(({ isPinged }) => isPinged)) assert.equal(pings[0], "hi");
        },
      ),
      { numRuns: 60 },
    );
  });

  it("looks only at the bytes up to the end that it is told", () => {
    const { counter } = listening();
    const wire = Buffer.concat([
      frame({ opcode: 2, payload: answer(0) }),
      frame({ opcode: 1, payload: "stale" }),
    ]);
    assert.equal(counter.push(wire, 3), 1);
    assert.equal(counter.fault, undefined);
  });

  for (const [what, frames, fault] of [
    ["another length", [{ opcode: 2, payload: "ab" }], /of 1 bytes with one of 2/],
    ["another content", [{ opcode: 2, payload: "x" }], /something else/],
    ["text for binary", [{ opcode: 1, payload: answer(0) }], /answered binary with text/],
    ["a mask", [{ opcode: 2, payload: answer(0), mask: MASK }], /masks/],
    ["a reserved bit", [{ opcode: 2, payload: answer(0), rsv: 4 }], /reserved/],
    ["a continuation of nothing", [{ opcode: 0, payload: "" }], /continuation of nothing/],
    [
      "a message within a message",
      [
        { opcode: 2, payload: "", fin: false },
        { opcode: 2, payload: "" },
      ],
      /within another/,
    ],
    ["a ping that is too long", [{ opcode: 9, payload: Buffer.alloc(126) }], /too long/],
  ] as const) {
    it(`finds fault with ${what}`, () => {
      const { counter } = listening();
      for (const one of frames) counter.push(frame(one));
      assert.match(counter.fault ?? "", fault);
      assert.equal(counter.push(frame({ opcode: 2, payload: answer(0) })), 0);
    });
  }

  it("finds a wrong byte in a sample of many messages", () => {
    const payloads = [Buffer.from("twenty bytes in here")];
    const { counter } = listening({ payloads });
    const wrong = frame({ opcode: 2, payload: Buffer.from("twenty bytes in hers") });
    counter.push(frame({ opcode: 2, payload: payloads[0]! }));
    for (let i = 0; i < 300; i++) counter.push(wrong);
    assert.match(counter.fault ?? "", /something else/);
  });

  it("inflates the first compressed answer and counts the others", () => {
    const compressed = (text: string): Buffer =>
      frame({
        opcode: 1,
        rsv: 4,
        payload: deflateRawSync(text, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4),
      });
    const payloads = [Buffer.from("a text, a text, a text")];
    const right = listening({ payloads, opcode: 1, mayBeCompressed: true });
    assert.equal(right.counter.push(Buffer.concat([compressed(String(payloads[0])), compressed("?")])), 2);
    const wrong = listening({ payloads, opcode: 1, mayBeCompressed: true });
    assert.equal(wrong.counter.push(compressed("another text")), 0);
    assert.match(wrong.counter.fault ?? "", /something else/);
    const broken = listening({ payloads, opcode: 1, mayBeCompressed: true });
    broken.counter.push(frame({ opcode: 1, rsv: 4, payload: Buffer.of(0xff, 0xff) }));
    assert.match(broken.counter.fault ?? "", /cannot be inflated/);
  });

  it("lets greetings be anything, and tells when they are over", () => {
    const { counter, greetings } = listening({ greetings: 2 });
    counter.push(frame({ opcode: 1, payload: "welcome" }));
    assert.equal(greetings.count, 0);
    assert.equal(counter.push(frame({ opcode: 1, payload: "to all" })), 0);
    assert.equal(greetings.count, 1);
    assert.equal(counter.push(frame({ opcode: 2, payload: answer(0) })), 1);
  });

  it("tells of a close frame", () => {
    const { counter, closes } = listening();
    counter.push(frame({ opcode: 8, payload: Buffer.from("\x03\xe9bye", "latin1") }));
    counter.push(frame({ opcode: 8, payload: "" }));
    assert.deepEqual(closes, ["1001 bye", "1005 "]);
  });
});
