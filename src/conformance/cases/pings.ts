import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectEchoes, expectGoodbye, expectPong, text } from "../expectations.js";
import { OPCODE } from "../frame.js";
import { violationCase } from "./echo-case.js";

const ANSWERED: readonly (readonly [id: string, what: string, payload: Buffer, pieceBytes?: number])[] = [
  ["2.1", "without payload", Buffer.alloc(0)],
  ["2.2", "with text", Buffer.from("Hello, world!")],
  ["2.3", "with bytes that are no text", Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff])],
  ["2.4", "with 125 bytes", Buffer.alloc(125, 0xfe)],
  ["2.6", "with 125 bytes, written one byte at a time,", Buffer.alloc(125, 0xfe), 1],
];

/** 2: pings, and pongs that nobody asked for. */
export const PINGS: readonly ConformanceCase[] = [
  ...ANSWERED.map(([id, what, payload, pieceBytes]) =>
    conformanceCase({
      id,
      section: "RFC 6455 §5.5.2",
      expectation: `A ping ${what} is answered with a pong of the same payload.`,
      async run(peer) {
        await peer.open();
        const bytes = peer.frame({ opcode: OPCODE.ping, payload });
        await peer.writePieces(bytes, pieceBytes ?? bytes.length);
        await expectPong(peer, payload);
        return expectGoodbye(peer);
      },
    }),
  ),
  violationCase(
    {
      id: "2.5",
      section: "RFC 6455 §5.5",
      expectation: "A ping with 126 bytes, which is one too many, fails the connection.",
    },
    (peer) => peer.frame({ opcode: OPCODE.ping, payload: Buffer.alloc(126, 0xfe) }),
    [1002],
  ),
  ...["", "unsolicited pong payload"].map((payload, i) =>
    conformanceCase({
      id: `2.${7 + i}`,
      section: "RFC 6455 §5.5.3",
      expectation: `A pong that nobody asked for, ${payload === "" ? "empty" : "with a payload"}, is ignored.`,
      async run(peer) {
        await peer.open();
        peer.write(peer.frame({ opcode: OPCODE.pong, payload: Buffer.from(payload) }));
        peer.write(peer.message(true, "after the pong"));
        await expectEchoes(peer, [text("after the pong")]);
        return expectGoodbye(peer);
      },
    }),
  ),
  conformanceCase({
    id: "2.9",
    section: "RFC 6455 §5.5.3",
    expectation: "A pong that nobody asked for is ignored, and the ping behind it is answered.",
    async run(peer) {
      await peer.open();
      peer.write(peer.frame({ opcode: OPCODE.pong, payload: Buffer.from("unsolicited pong payload") }));
      peer.write(peer.frame({ opcode: OPCODE.ping, payload: Buffer.from("ping payload") }));
      await expectPong(peer, Buffer.from("ping payload"));
      return expectGoodbye(peer);
    },
  }),
  ...[0, 1].map((pieceBytes) =>
    conformanceCase({
      id: `2.${10 + pieceBytes}`,
      section: "RFC 6455 §5.5.3",
      expectation: `Of ten pings${pieceBytes === 0 ? "" : ", written one byte at a time,"} at least the last is answered, and pongs are in order.`,
      async run(peer) {
        await peer.open();
        const payloads = Array.from({ length: 10 }, (_, i) => Buffer.from(`payload-${i}`));
        const bytes = Buffer.concat(payloads.map((payload) => peer.frame({ opcode: OPCODE.ping, payload })));
        await peer.writePieces(bytes, pieceBytes === 0 ? bytes.length : pieceBytes);
        await expectPong(peer, payloads[9]!);
        return expectGoodbye(peer);
      },
    }),
  ),
];
