import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectEchoes, expectFailure, expectGoodbye, failsWithin, text } from "../expectations.js";
import { OPCODE } from "../frame.js";
import { nonStrict } from "../outcome.js";
import type { Peer } from "../peer.js";
import { echoCase, violationCase } from "./echo-case.js";
import { hex, range, UTF8_SEQUENCES } from "./utf8-sequences.js";

const SECTION = "RFC 6455 §8.1";
/** "κόσμε", which has characters of two and three bytes. */
const GREEK: Buffer = hex("ce ba e1 bd b9 cf 83 ce bc ce b5");
const BAD_TAIL: Buffer = Buffer.concat([GREEK, hex("ed a0 80"), Buffer.from("edited")]);
/** A code point above U+10FFFF in the middle of text that is fine. */
const TOO_HIGH: readonly [Buffer, Buffer, Buffer] = [GREEK, hex("f4 90 80 80"), Buffer.from("edited")];

/** Text that is cut into fragments; the number is how many bytes each has. */
const FRAGMENTED: readonly (readonly [
  id: string,
  content: Buffer,
  fragmentBytes: number,
  isValid: boolean,
])[] = [
  ["6.2.2", Buffer.from("Hello-µ@ßöäüàá-UTF-8!!"), 13, true],
  ["6.2.3", Buffer.from("Hello-µ@ßöäüàá-UTF-8!!"), 1, true],
  ["6.2.4", GREEK, 1, true],
  ["6.3.2", BAD_TAIL, 1, false],
];

/** 6: text that is UTF-8 and text that is not. */
export const UTF8: readonly ConformanceCase[] = [
  ...[[""], ["", "", ""], ["", "middle frame payload", ""]].map((fragments, i) =>
    echoCase(
      {
        id: `6.1.${i + 1}`,
        section: SECTION,
        expectation: `Text in ${fragments.length} fragment(s), empty but for the middle, is echoed.`,
      },
      (peer) =>
        inFragments(
          peer,
          fragments.map((fragment) => Buffer.from(fragment)),
        ),
      [text(fragments.join(""))],
    ),
  ),
  echoCase(
    { id: "6.2.1", section: SECTION, expectation: "Text with characters of two bytes is echoed." },
    (peer) => peer.message(true, "Hello-µ@ßöäüàá-UTF-8!!"),
    [text("Hello-µ@ßöäüàá-UTF-8!!")],
  ),
  violationCase(
    { id: "6.3.1", section: SECTION, expectation: "Text with a lone surrogate in it fails the connection." },
    (peer) => peer.message(true, BAD_TAIL),
    [1007],
  ),
  ...FRAGMENTED.map(([id, content, fragmentBytes, isValid]) => {
    const expectation = `${isValid ? "Valid" : "Invalid"} text in fragments of ${fragmentBytes} byte(s), whatever character they cut, ${isValid ? "is echoed" : "fails the connection"}.`;
    const head = { id, section: SECTION, expectation };
    return isValid
      ? echoCase(head, (peer) => peer.message(true, content, { fragmentBytes }), [text(content)])
      : violationCase(head, (peer) => peer.message(true, content, { fragmentBytes }), [1007]);
  }),
  failFast("6.4.1", "as the second of three fragments", "between fragments", TOO_HIGH),
  failFast("6.4.2", "cut after its second byte by the end of a fragment", "between fragments", [
    Buffer.concat([GREEK, hex("f4")]),
    hex("90"),
    hex("80 80 65 64"),
  ]),
  failFast("6.4.3", "within one frame, written up to there", "within the frame", TOO_HIGH),
  failFast(
    "6.4.4",
    "cut within one frame, written up to the byte that makes it impossible",
    "within the frame",
    [Buffer.concat([GREEK, hex("f4")]), hex("90"), hex("80 80 65 64")],
  ),
  failFast("6.4.5", "that never occurs, as the first of 1000 bytes of a frame", "within the frame", [
    Buffer.alloc(0),
    hex("ff"),
    Buffer.alloc(999, 0x61),
  ]),
  failFast("6.4.6", "that needs fewer bytes, behind 64 KiB of text in one frame", "within the frame", [
    Buffer.alloc(65_536, 0x61),
    hex("c0"),
    hex("80"),
  ]),
  ...[2, 5, 7, 9, 11]
    .map((byteLength) => GREEK.subarray(0, byteLength))
    .map((content, i) =>
      echoCase(
        {
          id: `6.5.${i + 1}`,
          section: SECTION,
          expectation: `A text of ${content.length} bytes that ends with a complete character is echoed.`,
        },
        (peer) => peer.message(true, content),
        [text(content)],
      ),
    ),
  ...UTF8_SEQUENCES.flatMap(([group, title, isValid, sequences]) =>
    sequences.map((sequence, i) => {
      const content = hex(sequence);
      const shown =
        content.length > 12 ? `${content.subarray(0, 12).toString("hex")}…` : content.toString("hex");
      const head = {
        id: `6.${group}.${i + 1}`,
        section: SECTION,
        expectation: `Text with ${title} (${shown}) ${isValid ? "is echoed" : "fails the connection"}.`,
      };
      return isValid
        ? echoCase(head, (peer) => peer.message(true, content), [text(content)])
        : violationCase(head, (peer) => peer.message(true, content), [1007]);
    }),
  ),
  // Whatever the first byte of a fragment completes, it has to be the same.
  ...[1, 2, 3].map((cut) =>
    echoCase(
      {
        id: `6.27.${cut}`,
        section: SECTION,
        expectation: `A character of four bytes that a fragment cuts after byte ${cut} is echoed, with a ping between.`,
      },
      (peer) =>
        Buffer.concat([
          peer.frame({ opcode: OPCODE.text, fin: false, payload: Buffer.from("😀").subarray(0, cut) }),
          peer.frame({ opcode: OPCODE.ping, payload: hex("ff") }),
          peer.frame({ opcode: OPCODE.continuation, payload: Buffer.from("😀").subarray(cut) }),
        ]),
      [text("😀")],
    ),
  ),
  ...["f0 9f 98", "f0 9f", "f0", "e2 82", "c3"].map((sequence, i) =>
    violationCase(
      {
        id: `6.28.${i + 1}`,
        section: SECTION,
        expectation: `Text whose last fragment is empty and that ends within a character (${sequence}) fails the connection.`,
      },
      (peer) => inFragments(peer, [Buffer.from("abc"), hex(sequence), Buffer.alloc(0)]),
      [1007],
    ),
  ),
  echoCase(
    { id: "6.29.1", section: SECTION, expectation: "A binary message may have any bytes, text or not." },
    (peer) => peer.message(false, hex(range(0, 255))),
    [{ isText: false, payload: hex(range(0, 255)) }],
  ),
  conformanceCase({
    id: "6.29.2",
    section: SECTION,
    expectation:
      "What a message was cut off with does not count for the next: two messages, both valid, are echoed.",
    async run(peer) {
      await peer.open();
      peer.write(Buffer.concat([peer.message(true, GREEK), peer.message(true, "😀")]));
      await expectEchoes(peer, [text(GREEK), text("😀")]);
      return expectGoodbye(peer);
    },
  }),
];

/** A text goes wrong with the second of three parts; the third is not written before the peer could notice. */
function failFast(
  id: string,
  what: string,
  where: "between fragments" | "within the frame",
  parts: readonly [Buffer, Buffer, Buffer],
): ConformanceCase {
  return conformanceCase({
    id,
    section: SECTION,
    expectation: `A bad byte ${what}, fails the connection at once and not with the message.`,
    async run(peer) {
      await peer.open();
      const [start, bad, rest] = parts;
      let tail: Buffer;
      if (where === "between fragments") {
        peer.write(peer.frame({ opcode: OPCODE.text, fin: false, payload: start }));
        peer.write(peer.frame({ opcode: OPCODE.continuation, fin: false, payload: bad }));
        tail = peer.frame({ opcode: OPCODE.continuation, payload: rest });
      } else {
        const frame = peer.message(true, Buffer.concat(parts));
        const cut = frame.length - rest.length;
        peer.write(frame.subarray(0, cut));
        tail = frame.subarray(cut);
      }
      const outcome = await failsWithin(peer, [1007]);
      if (outcome !== undefined) return outcome;
      peer.write(tail);
      const late = await expectFailure(peer, [1007]);
      return late.verdict === "pass" ? nonStrict("it notices only when the message is complete") : late;
    },
  });
}

function inFragments(peer: Peer, fragments: readonly Buffer[]): Buffer {
  return Buffer.concat(
    fragments.map((payload, i) =>
      peer.frame({
        opcode: i === 0 ? OPCODE.text : OPCODE.continuation,
        fin: i === fragments.length - 1,
        payload,
      }),
    ),
  );
}
