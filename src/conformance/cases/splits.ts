import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectEchoes, expectGoodbye, text } from "../expectations.js";
import { OPCODE } from "../frame.js";
import type { Peer } from "../peer.js";

const SECTION = "RFC 6455 §5.2";

/** A message with each form of length; in all of them every cut up to here is a case. */
const FORMS: readonly (readonly [byteLength: number, lastCut: number])[] = [
  [8, 13],
  [126, 12],
  [65_536, 18],
];

const HEAD_PIECES: readonly (readonly number[])[] = [[1], [2], [3], [7], [15], [16], [17], [31], [64]];

/** 23: bytes that come in other pieces than they were meant in. */
export const SPLITS: readonly ConformanceCase[] = [
  ...FORMS.flatMap(([byteLength, lastCut], form) =>
    Array.from({ length: lastCut }, (_, i) =>
      splitCase(
        `23.${form + 1}.${i + 1}`,
        `A message of ${byteLength} bytes that is cut after byte ${i + 1} is echoed.`,
        (peer) => [peer.message(true, "x".repeat(byteLength)), [i + 1, 1_000_000]],
        ["x".repeat(byteLength)],
      ),
    ),
  ),
  ...[1, 2, 3, 5, 7, 11, 13].map((pieceBytes, i) =>
    splitCase(
      `23.4.${i + 1}`,
      `A fragmented text with a ping in it, then a message, written ${pieceBytes} byte(s) at a time, are echoed.`,
      (peer) => [
        Buffer.concat([
          peer.frame({ opcode: OPCODE.text, fin: false, payload: Buffer.from("κόσ") }),
          peer.frame({ opcode: OPCODE.ping, payload: Buffer.from("ping") }),
          peer.frame({ opcode: OPCODE.continuation, payload: Buffer.from("με") }),
          peer.message(true, "y".repeat(200)),
        ]),
        [pieceBytes],
      ],
      ["κόσμε", "y".repeat(200)],
    ),
  ),
  ...HEAD_PIECES.map((headPieces, i) =>
    conformanceCase({
      id: `23.5.${i + 1}`,
      section: "RFC 6455 §4",
      expectation: `A head of the opening handshake that comes ${headPieces[0]} byte(s) at a time is understood.`,
      async run(peer) {
        await peer.open({ headPieces });
        return echoOnce(peer);
      },
    }),
  ),
  ...[4, 3, 2, 1].map((back, i) =>
    conformanceCase({
      id: `23.6.${i + 1}`,
      section: "RFC 6455 §4",
      expectation: `A head that is cut ${back} byte(s) before its end is understood.`,
      async run(peer) {
        const length = peer.tested === "server" ? peer.requestText().length : undefined;
        // The answer to a client has no length that is known before; from the front it is the same cut.
        await peer.open({ headPieces: length === undefined ? [129 - back, 1] : [length - back, back] });
        return echoOnce(peer);
      },
    }),
  ),
  conformanceCase({
    id: "23.7.1",
    section: "RFC 6455 §4.1",
    expectation: "A message right behind our head of the opening handshake, in the same write, is echoed.",
    async run(peer) {
      await peer.open({ behindHead: () => peer.message(true, "eager") });
      await expectEchoes(peer, [text("eager")]);
      return expectGoodbye(peer);
    },
  }),
  conformanceCase({
    id: "23.7.2",
    section: "RFC 6455 §4.1",
    expectation: "Three messages and a part of a fourth right behind our head, then the rest, are echoed.",
    async run(peer) {
      const last = peer.message(true, "four");
      await peer.open({
        behindHead: () =>
          Buffer.concat([
            ...["one", "two", "three"].map((word) => peer.message(true, word)),
            last.subarray(0, 3),
          ]),
      });
      peer.write(last.subarray(3));
      await expectEchoes(peer, ["one", "two", "three", "four"].map(text));
      return expectGoodbye(peer);
    },
  }),
  splitCase(
    "23.7.3",
    "Ten messages in one write are echoed in their order.",
    (peer) => [
      Buffer.concat(Array.from({ length: 10 }, (_, i) => peer.message(true, `message ${i}`))),
      [1_000_000],
    ],
    Array.from({ length: 10 }, (_, i) => `message ${i}`),
  ),
  splitCase(
    "23.7.4",
    "Empty messages between others, in one write, are echoed.",
    (peer) => [Buffer.concat(["", "a", "", "", "b"].map((word) => peer.message(true, word))), [1_000_000]],
    ["", "a", "", "", "b"],
  ),
];

function splitCase(
  id: string,
  expectation: string,
  write: (peer: Peer) => readonly [Buffer, readonly number[]],
  echoes: readonly string[],
): ConformanceCase {
  return conformanceCase({
    id,
    section: SECTION,
    expectation,
    async run(peer) {
      await peer.open();
      const [bytes, pieces] = write(peer);
      await peer.writePieces(bytes, ...pieces);
      await expectEchoes(peer, echoes.map(text));
      return expectGoodbye(peer);
    },
  });
}

async function echoOnce(peer: Peer): Promise<undefined> {
  peer.write(peer.message(true, "Hello"));
  await expectEchoes(peer, [text("Hello")]);
  return expectGoodbye(peer);
}
