import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectEchoes, sendClose, text } from "../expectations.js";
import { closePayload, OPCODE } from "../frame.js";
import type { Outcome } from "../outcome.js";
import type { Peer } from "../peer.js";
import { expectClosed, expectEnd } from "./closing.js";

const CLOSE: Buffer = closePayload(1000);

/** What is sent behind a close frame, all of which has to be ignored. */
const BEHIND: readonly (readonly [what: string, bytes: (peer: Peer) => Buffer])[] = [
  ["a binary message", (peer) => peer.message(false, Buffer.alloc(16))],
  ["1 MiB of text", (peer) => peer.message(true, "a".repeat(1_048_576))],
  ["a frame with a reserved opcode", (peer) => peer.frame({ opcode: 3 })],
  ["a frame with reserved bits", (peer) => peer.frame({ opcode: 1, rsv: 7 })],
  ["text that is not UTF-8", (peer) => peer.frame({ opcode: 1, payload: Buffer.from([0xff]) })],
  [
    "a fragmented message without end",
    (peer) => peer.frame({ opcode: 1, fin: false, payload: Buffer.from("a") }),
  ],
  ["a continuation", (peer) => peer.frame({ opcode: 0, payload: Buffer.from("a") })],
  ["a close frame with another code", (peer) => peer.frame({ opcode: 8, payload: closePayload(1001) })],
  ["a bad close frame", (peer) => peer.frame({ opcode: 8, payload: Buffer.from([0]) })],
  ["half a header", (peer) => peer.frame({ opcode: 1 }).subarray(0, 1)],
  ["bytes that are no frames", () => Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  [
    "a hundred pings",
    (peer) => Buffer.concat(Array.from({ length: 100 }, () => peer.frame({ opcode: OPCODE.ping }))),
  ],
];

/** Where a transport can end without a close frame. */
const CUTS: readonly (readonly [where: string, bytes: (peer: Peer) => Buffer])[] = [
  ["with nothing sent", () => Buffer.alloc(0)],
  ["after the first byte of a frame", (peer) => peer.message(true, "Hello").subarray(0, 1)],
  ["in a length", (peer) => peer.message(true, "a".repeat(300)).subarray(0, 3)],
  ["before a payload", (peer) => peer.message(true, "Hello").subarray(0, peer.tested === "server" ? 6 : 2)],
  ["in a payload", (peer) => peer.message(true, "Hello").subarray(0, -2)],
  ["in a fragmented message", (peer) => peer.frame({ opcode: 1, fin: false, payload: Buffer.from("a") })],
  ["in a close frame", (peer) => peer.frame({ opcode: 8, payload: CLOSE }).subarray(0, -1)],
];

/** 24: the end of a connection, when something else happens at the same time. */
export const RACES: readonly ConformanceCase[] = [
  ...BEHIND.flatMap(([what, bytes], i) =>
    [true, false].map((isTogether, j) =>
      conformanceCase({
        id: `24.1.${i * 2 + j + 1}`,
        section: "RFC 6455 §5.5.1",
        expectation: `Behind a close frame ${what}, ${isTogether ? "in the same write" : "in the next write"}, is ignored.`,
        async run(peer) {
          await peer.open();
          const behind = bytes(peer);
          const close = peer.frame({ opcode: OPCODE.close, payload: CLOSE });
          peer.noteCloseSent();
          if (isTogether) peer.write(Buffer.concat([close, behind]));
          else await peer.writePieces(Buffer.concat([close, behind]), close.length, behind.length);
          return expectClosed(peer, [1000]);
        },
      }),
    ),
  ),
  ...CUTS.map(([where, bytes], i) =>
    conformanceCase({
      id: `24.2.${i + 1}`,
      section: "RFC 6455 §7.1.4",
      expectation: `The transport ends ${where}: the peer ends it as well.`,
      async run(peer) {
        await peer.open();
        const part = bytes(peer);
        if (part.length > 0) peer.write(part);
        peer.end();
        return expectEnd(peer);
      },
    }),
  ),
  ...CUTS.map(([where, bytes], i) =>
    conformanceCase({
      id: `24.3.${i + 1}`,
      section: "RFC 6455 §7.1.4",
      expectation: `The transport is reset ${where}: the peer survives, as the next connection shows.`,
      async run(peer) {
        await peer.open();
        const part = bytes(peer);
        if (part.length > 0) peer.write(part);
        peer.reset();
        return peer.tested === "server" ? answersAgain(peer) : undefined;
      },
    }),
  ),
  conformanceCase({
    id: "24.4.1",
    section: "RFC 6455 §7.1.1",
    expectation:
      "A close frame, and our direction of the transport ends with it: the close frame is answered.",
    async run(peer) {
      await peer.open();
      peer.write(peer.message(true, "Hello"));
      await expectEchoes(peer, [text("Hello")]);
      sendClose(peer, CLOSE);
      peer.end();
      // §7.1.1 knows no end of the transport before the answer. A peer that reads both at once may go by either.
      return expectClosed(peer, [1000], { mayEnd: true });
    },
  }),
  conformanceCase({
    id: "24.4.2",
    section: "RFC 6455 §5.5.1",
    expectation:
      "A close frame while a message of 4 MiB is on its way back: the echo is whole or missing, never cut.",
    patience: 3,
    async run(peer) {
      await peer.open();
      peer.write(peer.message(false, Buffer.alloc(4_194_304, 0x5a)));
      sendClose(peer, CLOSE);
      return expectClosed(peer, [1000], { mayEcho: true });
    },
  }),
  conformanceCase({
    id: "24.4.3",
    section: "RFC 6455 §5.5.1",
    expectation: "A ping, then a close frame in the same write: the close frame is answered.",
    async run(peer) {
      await peer.open();
      const close = peer.frame({ opcode: OPCODE.close, payload: CLOSE });
      peer.write(Buffer.concat([peer.frame({ opcode: OPCODE.ping, payload: Buffer.from("a") }), close]));
      peer.noteCloseSent();
      return expectClosed(peer, [1000], { mayPong: true });
    },
  }),
  conformanceCase({
    id: "24.4.4",
    section: "RFC 6455 §5.5.1",
    expectation:
      "A close frame right behind our head of the opening handshake, in the same write, is answered.",
    async run(peer) {
      await peer.open({ behindHead: () => peer.frame({ opcode: OPCODE.close, payload: CLOSE }) });
      peer.noteCloseSent();
      return expectClosed(peer, [1000]);
    },
  }),
];

async function answersAgain(peer: Peer): Promise<Outcome | undefined> {
  const again = peer.another();
  try {
    await again.open();
    again.write(again.message(true, "still there"));
    await expectEchoes(again, [text("still there")]);
    return undefined;
  } finally {
    await again.finish();
  }
}
