import { constants, deflateRawSync } from "node:zlib";
import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import {
  binary,
  type ExpectedMessage,
  expectEchoes,
  expectFailure,
  expectGoodbye,
  text,
} from "../expectations.js";
import { OPCODE } from "../frame.js";
import { nonStrict } from "../outcome.js";
import type { Peer } from "../peer.js";

const S7_2 = "RFC 7692 §7.2";
const HELLO: ExpectedMessage = text("Hello");

/** "Hello" as RFC 7692 §7.2.3 has it in its examples. */
const HELLO_FIXED: Buffer = hex("f2 48 cd c9 c9 07 00");
const HELLO_STORED: Buffer = hex("00 05 00 fa ff 48 65 6c 6c 6f 00");
const HELLO_FINAL: Buffer = hex("f3 48 cd c9 c9 07 00 00");
const HELLO_TWO_BLOCKS: Buffer = hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00");

/** Payloads of one compressed message and what has to come back. */
const VALID: readonly (readonly [what: string, payload: Buffer, message: ExpectedMessage])[] = [
  ["in a block with fixed codes", HELLO_FIXED, HELLO],
  ["in a stored block", HELLO_STORED, HELLO],
  ["in a block with BFINAL set, and a byte behind it", HELLO_FINAL, HELLO],
  ["in two blocks", HELLO_TWO_BLOCKS, HELLO],
  ["that is empty, as one byte", hex("00"), text("")],
  ["that is empty, in an empty block with fixed codes", hex("02 00"), text("")],
  ["whose tail of 00 00 ff ff was not taken off", Buffer.concat([HELLO_FIXED, hex("00 00 ff ff 00")]), HELLO],
  [
    "with empty stored blocks before it",
    Buffer.concat([hex("00 00 00 ff ff 00 00 00 ff ff"), HELLO_FIXED]),
    HELLO,
  ],
  ["in a block with dynamic codes", dynamic("abcdefgh".repeat(400)), text("abcdefgh".repeat(400))],
  ["in a stored block of 65,535 bytes", stored(65_535), binary(Buffer.alloc(65_535, 0x62))],
  // At the end, so that the ids of the others stay what they are.
  ["in two blocks with BFINAL set", hex("f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 00"), text("HelloHello")],
  [
    "whose second block refers back over the first, which has BFINAL set",
    hex("f3 48 cd c9 c9 07 00 f2 00 11 00 00"),
    text("HelloHello"),
  ],
];

/** Payloads that are no DEFLATE data. */
const INVALID: readonly (readonly [what: string, payload: Buffer])[] = [
  ["with the reserved block type", hex("06 00")],
  ["with a stored block whose length and its complement differ", hex("00 05 00 00 00 48 65 6c 6c 6f 00")],
  ["with a distance that goes back before the beginning", hex("4a 04 11 00 00")],
  ["with bytes that are random", hex("ff ff ff ff ff ff ff ff ff")],
  ["with a zlib header, as in RFC 1950", Buffer.concat([hex("78 9c"), HELLO_FIXED])],
  ["with a gzip header", Buffer.concat([hex("1f 8b 08 00 00 00 00 00 00 03"), HELLO_FIXED])],
  ["with plain text", Buffer.from("Hello, this is not compressed at all")],
];

/** Payloads that end within a block. */
const TRUNCATED: readonly (readonly [what: string, payload: Buffer])[] = [
  ["after a stored block's header", hex("00 05 00")],
  ["in a stored block", hex("00 ff 00 00 ff 48 65 6c")],
  ["in a table of codes", dynamic("abcdefgh".repeat(400)).subarray(0, 6)],
];

/** 27: DEFLATE data that is unusual but valid, and such that is not. */
export const HOSTILE_DEFLATE: readonly ConformanceCase[] = [
  ...VALID.map(([what, payload, message], i) =>
    deflateCase(`27.1.${i + 1}`, `A compressed message ${what}, is echoed.`, async (peer) => {
      peer.write(compressed(peer, message.isText, payload));
      await expectEchoes(peer, [message]);
      return expectGoodbye(peer);
    }),
  ),
  ...INVALID.map(([what, payload], i) =>
    deflateCase(`27.2.${i + 1}`, `A compressed message ${what} fails the connection.`, async (peer) => {
      peer.write(compressed(peer, false, payload));
      return expectFailure(peer, [1007, 1002, 1003, 1011]);
    }),
  ),
  ...TRUNCATED.map(([what, payload], i) =>
    deflateCase(
      `27.3.${i + 1}`,
      `A compressed message that ends ${what} fails the connection.`,
      async (peer) => {
        peer.write(compressed(peer, false, payload));
        return expectFailure(peer, [1007, 1002, 1003, 1011], {
          ifTolerated: "it takes what was there for the message",
        });
      },
    ),
  ),
  ...[1, 2, 3, 5].map((fragmentBytes, i) =>
    deflateCase(
      `27.4.${i + 1}`,
      `A compressed message in fragments of ${fragmentBytes} byte(s), with an empty one and a ping among them, is echoed.`,
      async (peer) => {
        const payload = peer.compress(Buffer.from("abcabcabcabcHello"));
        const frames = [peer.frame({ opcode: OPCODE.text, rsv: 4, fin: false })];
        for (let start = 0; start < payload.length; start += fragmentBytes) {
          frames.push(
            peer.frame({ opcode: 0, fin: false, payload: payload.subarray(start, start + fragmentBytes) }),
          );
        }
        frames.push(peer.frame({ opcode: OPCODE.ping }), peer.frame({ opcode: 0 }));
        peer.write(Buffer.concat(frames));
        await expectEchoes(peer, [text("abcabcabcabcHello")]);
        return expectGoodbye(peer);
      },
    ),
  ),
  ...[OPCODE.continuation, OPCODE.ping, OPCODE.pong, OPCODE.close].map((opcode, i) =>
    deflateCase(
      `27.5.${i + 1}`,
      `RSV1 on a frame with opcode ${opcode}, which is never compressed, fails the connection.`,
      async (peer) => {
        const first = peer.frame({ opcode: OPCODE.text, fin: false, payload: Buffer.from("a") });
        const bad = peer.frame({
          opcode,
          rsv: 4,
          payload: opcode === OPCODE.close ? hex("03 e8") : Buffer.from("b"),
        });
        peer.write(opcode === OPCODE.continuation ? Buffer.concat([first, bad]) : bad);
        return expectFailure(peer, [1002]);
      },
    ),
  ),
  ...[1, 2, 3, 5, 6, 7].map((rsv, i) =>
    deflateCase(
      `27.6.${i + 1}`,
      `The reserved bits ${rsv.toString(2).padStart(3, "0")} fail a connection with permessage-deflate.`,
      async (peer) => {
        peer.write(peer.frame({ opcode: OPCODE.text, rsv, payload: HELLO_FIXED }));
        return expectFailure(peer, [1002]);
      },
    ),
  ),
  deflateCase(
    "27.7.1",
    "Messages that are not compressed are echoed between those that are.",
    async (peer) => {
      peer.write(peer.message(true, "one", { isCompressed: true }));
      peer.write(peer.message(true, "two"));
      peer.write(peer.message(true, "three", { isCompressed: true }));
      await expectEchoes(peer, ["one", "two", "three"].map(text));
      return expectGoodbye(peer);
    },
  ),
  ...[hex("ff"), hex("e2 82"), hex("ed a0 80")].map((bytes, i) =>
    deflateCase(
      `27.8.${i + 1}`,
      `Text that is not UTF-8 once it is inflated (${bytes.toString("hex")}) fails the connection.`,
      async (peer) => {
        peer.write(peer.message(true, bytes, { isCompressed: true }));
        return expectFailure(peer, [1007]);
      },
    ),
  ),
  deflateCase(
    "27.8.4",
    "Compressed data that is no UTF-8 itself is no matter: the text is.",
    async (peer) => {
      peer.write(compressed(peer, true, HELLO_FIXED));
      await expectEchoes(peer, [HELLO]);
      return expectGoodbye(peer);
    },
  ),
  deflateCase(
    "27.9.1",
    "A message refers to the one before where context takeover was not ruled out.",
    async (peer) => {
      if (peer.deflate![peer.tested === "server" ? "clientNoContextTakeover" : "serverNoContextTakeover"]) {
        return nonStrict("it rules context takeover out");
      }
      const content = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz".repeat(4));
      peer.write(peer.message(true, content, { isCompressed: true }));
      peer.write(peer.message(true, content, { isCompressed: true }));
      await expectEchoes(peer, [text(content), text(content)]);
      return expectGoodbye(peer);
    },
  ),
  deflateCase(
    "27.9.2",
    "A message of 16 MiB of zeros in 16 KiB is echoed or refused with 1009.",
    async (peer) => {
      const content = Buffer.alloc(16 * 1_048_576);
      peer.write(peer.message(false, content, { isCompressed: true }));
      const event = await peer.next("the echo, or the end of the connection");
      if (event.type === "message")
        return event.payload.equals(content) ? undefined : { verdict: "fail", reason: "the echo differs" };
      if (event.type === "close")
        return event.code === 1009 ? undefined : nonStrict(`it refuses it with ${event.code}`);
      return nonStrict("it ends the transport");
    },
    3,
  ),
  deflateCase("27.9.3", "A window of 8 bits, for data that needs no more, is inflated.", async (peer) => {
    peer.write(
      compressed(
        peer,
        true,
        deflateRawSync("ab".repeat(100), { windowBits: 9, finishFlush: constants.Z_SYNC_FLUSH }).subarray(
          0,
          -4,
        ),
      ),
    );
    await expectEchoes(peer, [text("ab".repeat(100))]);
    return expectGoodbye(peer);
  }),
  deflateCase("27.9.4", "A thousand empty blocks in one message are one empty message.", async (peer) => {
    peer.write(
      compressed(
        peer,
        true,
        Buffer.concat([
          Buffer.alloc(0),
          ...Array.from({ length: 1_000 }, () => hex("00 00 00 ff ff")),
          hex("00"),
        ]),
      ),
    );
    await expectEchoes(peer, [text("")]);
    return expectGoodbye(peer);
  }),
];

function deflateCase(
  id: string,
  expectation: string,
  run: ConformanceCase["run"],
  patience = 1,
): ConformanceCase {
  return conformanceCase({
    id,
    section: S7_2,
    expectation,
    patience,
    async run(peer) {
      await peer.open({ deflate: [{}] });
      return run(peer);
    },
  });
}

function compressed(peer: Peer, isText: boolean, payload: Buffer): Buffer {
  return peer.frame({ opcode: isText ? OPCODE.text : OPCODE.binary, rsv: 4, payload });
}

function dynamic(content: string): Buffer {
  return deflateRawSync(content, { level: 9, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

function stored(byteLength: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(byteLength, 1);
  head.writeUInt16LE(byteLength ^ 0xffff, 3);
  return Buffer.concat([head, Buffer.alloc(byteLength, 0x62), Buffer.from([0])]);
}

function hex(bytes: string): Buffer {
  return Buffer.from(bytes.replaceAll(" ", ""), "hex");
}
