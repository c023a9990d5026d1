import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectEchoes, expectGoodbye, text } from "../expectations.js";
import { closePayload, maskKey, OPCODE } from "../frame.js";
import { opcodeName } from "../frame-words.js";
import { violationCase } from "./echo-case.js";

const SECTION = "RFC 6455 §5.1";
const KINDS = [OPCODE.text, OPCODE.binary, OPCODE.ping, OPCODE.pong, OPCODE.close];
const KEYS = ["00000000", "ffffffff", "00000001", "80000000", "37fa213d", "61616161", "7f80ff00"];

/** 26: the mask, which frames of a client have and those of a server have not. */
export const MASKING: readonly ConformanceCase[] = [
  ...[0, 4, 126].flatMap((byteLength, i) =>
    KINDS.filter((opcode) => opcode < 8 || byteLength < 126).map((opcode, j) =>
      violationCase(
        {
          id: `26.1.${i * 5 + j + 1}`,
          section: SECTION,
          expectation: `A ${opcodeName(opcode)} frame with ${byteLength} bytes, without the mask of a client or with one from a server, fails the connection.`,
        },
        (peer) => {
          const payload =
            opcode === OPCODE.close && byteLength > 0
              ? closePayload(1000, "ab")
              : Buffer.alloc(byteLength, 0x61);
          return peer.frame({ opcode, payload, mask: peer.tested === "server" ? undefined : maskKey() });
        },
        [1002],
      ),
    ),
  ),
  violationCase(
    {
      id: "26.2.1",
      section: SECTION,
      expectation: "A continuation that is masked otherwise than its first frame fails the connection.",
    },
    (peer) =>
      Buffer.concat([
        peer.frame({ opcode: OPCODE.text, fin: false, payload: Buffer.from("first") }),
        peer.frame({
          opcode: OPCODE.continuation,
          payload: Buffer.from("last"),
          mask: peer.tested === "server" ? undefined : maskKey(),
        }),
      ]),
    [1002],
  ),
  violationCase(
    {
      id: "26.2.2",
      section: SECTION,
      expectation:
        "A frame masked with zeros by a server, or not masked by a client, fails though its payload reads the same.",
    },
    (peer) =>
      peer.frame({
        opcode: OPCODE.text,
        payload: Buffer.from("same"),
        mask: peer.tested === "server" ? undefined : Buffer.alloc(4),
      }),
    [1002],
  ),
  ...KEYS.map((key, i) =>
    conformanceCase({
      id: `26.3.${i + 1}`,
      section: "RFC 6455 §5.3",
      expectation: `Messages of every length from 0 to 40, masked with ${key}, are echoed.`,
      roles: "server",
      async run(peer) {
        await peer.open();
        const messages = Array.from({ length: 41 }, (_, length) =>
          text("abcdefgh".repeat(6).slice(0, length)),
        );
        const mask = Buffer.from(key, "hex");
        peer.write(
          Buffer.concat(messages.map(({ payload }) => peer.frame({ opcode: OPCODE.text, payload, mask }))),
        );
        await expectEchoes(peer, messages);
        return expectGoodbye(peer);
      },
    }),
  ),
];
