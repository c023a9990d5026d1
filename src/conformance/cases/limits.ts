import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectEchoes, expectGoodbye } from "../expectations.js";
import type { Peer } from "../peer.js";

const KIB = 1_024;
const MIB = 1_024 * 1_024;
const SECTION = "RFC 6455 §5.2, §10.4";

/** 9: large messages, many fragments, many messages; 10: one message in fragments as a library would cut it. */
export function limitCases(isFull: boolean): ConformanceCase[] {
  const fragmentedBytes = isFull ? 4 * MIB : MIB;
  const choppedBytes = isFull ? MIB : 32 * KIB;
  const rounds = isFull ? 1_000 : 100;
  return [
    ...[true, false].flatMap((isText, kind) => [
      ...[64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].map((byteLength, i) =>
        largeCase(`9.${1 + kind}.${i + 1}`, isText, byteLength, {}),
      ),
      ...[64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].map((fragmentBytes, i) =>
        largeCase(`9.${3 + kind}.${i + 1}`, isText, fragmentedBytes, { fragmentBytes }),
      ),
      ...[64, 128, 256, 512, KIB, 2 * KIB].map((pieceBytes, i) =>
        largeCase(`9.${5 + kind}.${i + 1}`, isText, choppedBytes, { pieceBytes }),
      ),
      ...[0, 16, 64, 256, KIB, 4 * KIB].map((byteLength, i) =>
        roundTripCase(`9.${7 + kind}.${i + 1}`, isText, byteLength, rounds),
      ),
    ]),
    conformanceCase({
      id: "9.9.1",
      section: "RFC 6455 §5.4",
      expectation: `${rounds * 10} messages of 100 bytes that are written at once come back in their order.`,
      patience: 3,
      async run(peer) {
        await peer.open();
        const messages = Array.from({ length: rounds * 10 }, (_, i) => ({
          isText: true,
          payload: Buffer.from(String(i).padStart(100, "·").slice(0, 100)),
        }));
        peer.write(Buffer.concat(messages.map(({ isText, payload }) => peer.message(isText, payload))));
        await expectEchoes(peer, messages);
        return expectGoodbye(peer);
      },
    }),
    largeCase("10.1.1", true, 65_536, { fragmentBytes: 1_300 }),
    largeCase("10.1.2", false, 65_536, { fragmentBytes: 1_300 }),
    largeCase("10.1.3", true, 65_536, { fragmentBytes: 65_535 }),
    largeCase("10.1.4", false, 65_537, { fragmentBytes: 125 }),
  ];
}

interface Cut {
  readonly fragmentBytes?: number;
  readonly pieceBytes?: number;
}

function largeCase(
  id: string,
  isText: boolean,
  byteLength: number,
  { fragmentBytes, pieceBytes }: Cut,
): ConformanceCase {
  const how = [
    ...(fragmentBytes === undefined ? [] : [`, in fragments of ${sizeWords(fragmentBytes)}`]),
    ...(pieceBytes === undefined ? [] : [`, written ${sizeWords(pieceBytes)} at a time`]),
  ].join("");
  return conformanceCase({
    id,
    section: id.startsWith("10.") ? "RFC 6455 §5.4" : SECTION,
    expectation: `A ${isText ? "text" : "binary"} message of ${sizeWords(byteLength)}${how} is echoed.`,
    patience: 6,
    async run(peer) {
      await peer.open();
      const payload = content(isText, byteLength);
      const bytes = peer.message(isText, payload, { fragmentBytes: fragmentBytes ?? 0 });
      await peer.writePieces(bytes, pieceBytes ?? bytes.length);
      await expectEchoes(peer, [{ isText, payload }]);
      return expectGoodbye(peer);
    },
  });
}

function roundTripCase(id: string, isText: boolean, byteLength: number, rounds: number): ConformanceCase {
  return conformanceCase({
    id,
    section: SECTION,
    expectation: `${rounds} ${isText ? "text" : "binary"} messages of ${byteLength} bytes are echoed, each sent when the one before is back.`,
    patience: 3,
    async run(peer: Peer) {
      await peer.open();
      const message = { isText, payload: content(isText, byteLength) };
      for (let i = 0; i < rounds; i++) {
        peer.write(peer.message(isText, message.payload));
        await expectEchoes(peer, [message]);
      }
      return expectGoodbye(peer);
    },
  });
}

function content(isText: boolean, byteLength: number): Buffer {
  return isText
    ? Buffer.alloc(byteLength, "BAsd7&jh23")
    : Buffer.alloc(byteLength, Buffer.from([0xfe, 0x00, 0x81, 0x7f, 0xff]));
}

function sizeWords(byteLength: number): string {
  if (byteLength >= MIB && byteLength % MIB === 0) return `${byteLength / MIB} MiB`;
  if (byteLength >= KIB && byteLength % KIB === 0) return `${byteLength / KIB} KiB`;
  return `${byteLength} bytes`;
}
