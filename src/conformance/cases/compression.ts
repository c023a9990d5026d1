import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import type { DeflateWish } from "../deflate-negotiation.js";
import { expectEchoes, expectGoodbye } from "../expectations.js";
import { nonStrict } from "../outcome.js";
import { deflateText, randomBinary } from "./deflate-data.js";

/** The sizes of Autobahn: bytes of a message, and of the fragments it is sent in (0: one). */
const SHAPES: readonly (readonly [byteLength: number, fragmentBytes: number])[] = [
  [16, 0],
  [64, 0],
  [256, 0],
  [1_024, 0],
  [4_096, 0],
  [8_192, 0],
  [16_384, 0],
  [32_768, 0],
  [65_536, 0],
  [131_072, 0],
  [8_192, 256],
  [16_384, 256],
  [32_768, 256],
  [65_536, 256],
  [131_072, 256],
  [131_072, 1_024],
  [131_072, 4_096],
  [131_072, 32_768],
];

interface Data {
  readonly title: string;
  readonly isText: boolean;
  make(byteLength: number, seed: number): Buffer;
}

const REPETITIVE: Data = {
  title: "text that repeats itself",
  isText: true,
  make: (byteLength) => Buffer.alloc(byteLength, "Hello, world! 0123456789 "),
};
const PROSE: Data = { title: "text like prose", isText: true, make: deflateText };
const JSON_LINES: Data = {
  title: "JSON",
  isText: true,
  make: (byteLength, seed) =>
    Buffer.from(
      Array.from({ length: Math.ceil(byteLength / 40) + 1 }, (_, i) =>
        JSON.stringify({ id: seed * 1_000 + i, name: `row ${i}`, on: i % 2 === 0, at: i * 7_919 }),
      )
        .join("\n")
        .padEnd(byteLength, " ")
        .slice(0, byteLength),
    ),
};
const RANDOM: Data = { title: "random bytes", isText: false, make: randomBinary };
const MIXED: Data = {
  title: "bytes, half of them random",
  isText: false,
  make: (byteLength, seed) => {
    const bytes = randomBinary(byteLength, seed);
    for (let start = 0; start < byteLength; start += 128) bytes.subarray(start, start + 64).fill(0);
    return bytes;
  },
};

const DATA: readonly Data[] = [PROSE, REPETITIVE, JSON_LINES, RANDOM, MIXED];

const PARAMETERS: readonly (readonly [title: string, wishes: readonly DeflateWish[]])[] = [
  ["no parameters", [{}]],
  ["no context takeover on both sides", [{ serverNoContextTakeover: true, clientNoContextTakeover: true }]],
  ["windows of 9 bits", [{ serverMaxWindowBits: 9, clientMaxWindowBits: 9 }]],
  ["windows of 15 bits", [{ serverMaxWindowBits: 15, clientMaxWindowBits: 15 }]],
  [
    "no context takeover and windows of 9 bits",
    [
      {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 9,
        clientMaxWindowBits: 9,
      },
    ],
  ],
  [
    "no context takeover and windows of 15 bits",
    [
      {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 15,
        clientMaxWindowBits: 15,
      },
    ],
  ],
  [
    "three offers, the narrowest first",
    [{ serverNoContextTakeover: true, serverMaxWindowBits: 9 }, { serverNoContextTakeover: true }, {}],
  ],
];

/** 12: data of all kinds and sizes; 13: the parameters, each with all sizes; beyond Autobahn, each on its own. */
export function compressionCases(isFull: boolean): ConformanceCase[] {
  const count = isFull ? 1_000 : 8;
  return [
    ...DATA.flatMap((data, i) =>
      SHAPES.map((shape, j) =>
        compressedCase(`12.${i + 1}.${j + 1}`, data, shape, "no parameters", [{}], count),
      ),
    ),
    ...PARAMETERS.flatMap(([title, wishes], i) =>
      SHAPES.map((shape, j) => compressedCase(`13.${i + 1}.${j + 1}`, PROSE, shape, title, wishes, count)),
    ),
    ...[8, 9, 10, 11, 12, 13, 14, 15].flatMap((bits, i) => [
      compressedCase(
        `13.8.${i + 1}`,
        PROSE,
        [8_192, 0],
        `a server's window of ${bits} bits`,
        [{ serverMaxWindowBits: bits }],
        count,
      ),
      compressedCase(
        `13.9.${i + 1}`,
        PROSE,
        [8_192, 0],
        `a client's window of ${bits} bits`,
        [{ clientMaxWindowBits: bits }],
        count,
      ),
    ]),
    ...[{ serverNoContextTakeover: true }, { clientNoContextTakeover: true }].map((wish, i) =>
      compressedCase(`13.10.${i + 1}`, PROSE, [1_024, 0], Object.keys(wish).join(), [wish], count),
    ),
  ];
}

function compressedCase(
  id: string,
  { title, isText, make }: Data,
  [byteLength, fragmentBytes]: readonly [number, number],
  parameters: string,
  deflate: readonly DeflateWish[],
  count: number,
): ConformanceCase {
  const how = fragmentBytes === 0 ? "" : `, compressed, then cut into fragments of ${fragmentBytes}`;
  return conformanceCase({
    id,
    section: id.startsWith("12.") ? "RFC 7692 §7.2" : "RFC 7692 §7.1",
    expectation: `With ${parameters}, ${count} messages of ${byteLength} bytes of ${title}${how}, are echoed.`,
    patience: 6,
    async run(peer) {
      await peer.open({ deflate });
      let compressed = 0;
      for (let i = 0; i < count; i++) {
        const payload = make(byteLength, i);
        peer.write(peer.message(isText, payload, { isCompressed: true, fragmentBytes }));
        await expectEchoes(peer, [{ isText, payload }], () => compressed++);
      }
      await expectGoodbye(peer);
      // Below, it may not be worth the time; and random bytes do not shrink.
      if (compressed === 0 && byteLength >= 4_096 && make !== RANDOM.make) {
        return nonStrict("it agrees to compress and sends everything uncompressed");
      }
      return undefined;
    },
  });
}
