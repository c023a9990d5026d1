import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectFailure, failsWithin, text } from "../expectations.js";
import { buildFrame, closePayload, type FrameInput, maskKey, OPCODE } from "../frame.js";
import { opcodeName } from "../frame-words.js";
import { nonStrict } from "../outcome.js";
import { echoCase, violationCase } from "./echo-case.js";

const SECTION = "RFC 6455 §5.2";
/** The lengths around every change of form. */
const BOUNDARIES = [
  1, 2, 3, 4, 5, 7, 8, 9, 123, 124, 125, 126, 127, 128, 129, 255, 256, 257, 4_095, 4_096, 4_097, 65_533,
  65_534, 65_535, 65_536, 65_537, 65_538,
];

/** Lengths that need fewer bits than they are written in. */
const LONGER_FORMS: readonly (readonly [bits: 16 | 64, byteLength: number])[] = [
  [16, 0],
  [16, 1],
  [16, 125],
  [64, 0],
  [64, 1],
  [64, 125],
  [64, 126],
  [64, 65_535],
];

/** 64-bit lengths that no message has: with the highest bit, which is forbidden, and without. */
const HUGE: readonly (readonly [title: string, length: bigint, isForbidden: boolean])[] = [
  ["2^63", 1n << 63n, true],
  ["2^64-1", (1n << 64n) - 1n, true],
  ["2^63 + 5", (1n << 63n) + 5n, true],
  ["2^63-1", (1n << 63n) - 1n, false],
  ["2^53", 1n << 53n, false],
  ["2^53-1", (1n << 53n) - 1n, false],
  ["2^40", 1n << 40n, false],
  ["2^32", 1n << 32n, false],
  ["2^32-1", (1n << 32n) - 1n, false],
  ["2^31", 1n << 31n, false],
];

/** 22: lengths in all their forms, allowed and not. */
export const LENGTHS: readonly ConformanceCase[] = [
  ...BOUNDARIES.map((byteLength, i) =>
    echoCase(
      { id: `22.1.${i + 1}`, section: SECTION, expectation: `A message of ${byteLength} bytes is echoed.` },
      (peer) => peer.message(true, "a".repeat(byteLength)),
      [text("a".repeat(byteLength))],
    ),
  ),
  ...LONGER_FORMS.flatMap(([lengthBits, byteLength], i) =>
    [OPCODE.text, OPCODE.binary, OPCODE.continuation].map((opcode, kind) =>
      longForm(`22.2.${i * 3 + kind + 1}`, { opcode, lengthBits, payload: Buffer.alloc(byteLength, 0x61) }),
    ),
  ),
  ...([16, 64] as const).flatMap((lengthBits, i) =>
    [OPCODE.ping, OPCODE.pong, OPCODE.close].map((opcode, kind) =>
      longForm(`22.3.${i * 3 + kind + 1}`, {
        opcode,
        lengthBits,
        payload: opcode === OPCODE.close ? closePayload(1000) : Buffer.from("four"),
      }),
    ),
  ),
  ...[OPCODE.ping, OPCODE.pong, OPCODE.close].flatMap((opcode, kind) =>
    [126, 65_535, 65_536].map((byteLength, i) =>
      violationCase(
        {
          id: `22.4.${kind * 3 + i + 1}`,
          section: "RFC 6455 §5.5",
          expectation: `A ${opcodeName(opcode)} frame with ${byteLength} bytes fails the connection.`,
        },
        (peer) =>
          peer.frame({
            opcode,
            payload:
              opcode === OPCODE.close
                ? closePayload(1000, "a".repeat(byteLength - 2))
                : Buffer.alloc(byteLength),
          }),
        [1002],
      ),
    ),
  ),
  ...HUGE.flatMap(([title, declaredBytes, isForbidden], i) =>
    [OPCODE.text, OPCODE.binary].map((opcode, kind) =>
      hugeCase(`22.5.${i * 2 + kind + 1}`, opcode, title, declaredBytes, isForbidden),
    ),
  ),
  ...[1n << 40n, (1n << 63n) - 1n, 1n << 63n].map((declaredBytes, i) =>
    conformanceCase({
      id: `22.6.${i + 1}`,
      section: "RFC 6455 §5.5",
      expectation:
        "A ping that declares a 64-bit length fails the connection without waiting for the payload.",
      async run(peer) {
        await peer.open();
        peer.write(peer.frame({ opcode: OPCODE.ping, lengthBits: 64, declaredBytes }));
        return expectFailure(peer, [1002], { isIncomplete: true });
      },
    }),
  ),
  ...[2, 3, 5].map((count, i) =>
    conformanceCase({
      id: `22.7.${i + 1}`,
      section: "RFC 6455 §5.4, §10.4",
      expectation: `Fragments that together declare more than 2^53 bytes, in ${count} frames, fail the connection or wait.`,
      async run(peer) {
        await peer.open();
        for (let frame = 0; frame < count - 1; frame++) {
          peer.write(
            peer.frame({
              opcode: frame === 0 ? OPCODE.binary : OPCODE.continuation,
              fin: false,
              payload: Buffer.alloc(16),
            }),
          );
        }
        peer.write(
          peer.frame({ opcode: OPCODE.continuation, lengthBits: 64, declaredBytes: (1n << 53n) - 1n }),
        );
        return (await failsWithin(peer, [1009, 1002])) ?? nonStrict("it waits for 2^53-1 bytes");
      },
    }),
  ),
];

function longForm(id: string, input: FrameInput): ConformanceCase {
  const length = input.payload!.length;
  return violationCase(
    {
      id,
      section: SECTION,
      expectation: `A ${opcodeName(input.opcode)} frame whose length, ${length}, is written in ${input.lengthBits} bits fails the connection.`,
    },
    (peer) => {
      const frame = peer.frame(input);
      if (input.opcode !== OPCODE.continuation) return frame;
      return Buffer.concat([
        peer.frame({ opcode: OPCODE.text, fin: false, payload: Buffer.from("a") }),
        frame,
      ]);
    },
    [1002],
    { ifTolerated: "it accepts a length that is not minimal" },
  );
}

function hugeCase(
  id: string,
  opcode: number,
  title: string,
  declaredBytes: bigint,
  isForbidden: boolean,
): ConformanceCase {
  return conformanceCase({
    id,
    section: SECTION,
    expectation: isForbidden
      ? `A ${opcodeName(opcode)} frame of ${title} bytes, with the highest bit set, fails the connection.`
      : `A ${opcodeName(opcode)} frame of ${title} bytes fails the connection, or the peer waits for them.`,
    async run(peer) {
      await peer.open();
      const mask = peer.tested === "server" ? maskKey() : undefined;
      const head = buildFrame({ opcode, lengthBits: 64, declaredBytes, mask });
      peer.write(Buffer.concat([head, Buffer.alloc(64, 0x61)]));
      const outcome = await failsWithin(peer, isForbidden ? [1002, 1009] : [1009, 1002]);
      if (outcome !== undefined) return outcome;
      if (isForbidden) return nonStrict("it waits for the payload of a length that is forbidden");
      return nonStrict(`it waits for ${title} bytes`);
    },
  });
}
