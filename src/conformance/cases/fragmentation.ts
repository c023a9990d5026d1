import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import {
  type ExpectedMessage,
  expectEchoes,
  expectFailure,
  expectGoodbye,
  expectPong,
  text,
} from "../expectations.js";
import { OPCODE } from "../frame.js";
import type { Peer } from "../peer.js";

const SECTION = "RFC 6455 §5.4";

/** A frame in short: what it is, whether it is final, its payload. */
type Step = readonly [kind: keyof typeof OPCODE, fin: boolean, payload: string];

const FIRST: Step = ["text", false, "fragment1"];
const LAST: Step = ["continuation", true, "fragment2"];
const PING: Step = ["ping", true, "ping payload"];

interface Sequence {
  readonly id: string;
  readonly expectation: string;
  readonly steps: readonly Step[];
  /** How it is written: at once, a frame at a time, or a byte at a time. */
  readonly writing: "at once" | "by frame" | "by byte";
  /** The messages that are echoed; where a violation follows, those that go before it. */
  readonly echoes: readonly ExpectedMessage[];
  readonly isViolation?: boolean;
  readonly pongs?: readonly string[];
}

const WRITINGS: readonly Sequence["writing"][] = ["by frame", "at once", "by byte"];
const HOW: Readonly<Record<Sequence["writing"], string>> = {
  "at once": "in one write",
  "by frame": "each in a write of its own",
  "by byte": "one byte at a time",
};

const SEQUENCES: readonly Sequence[] = [
  ...(["ping", "pong"] as const).map(
    (kind, i): Sequence => ({
      id: `5.${i + 1}`,
      expectation: `A ${kind} in two fragments fails the connection: control frames are never fragmented.`,
      steps: [[kind, false, "fragment1"], LAST],
      writing: "by frame",
      echoes: [],
      isViolation: true,
    }),
  ),
  ...WRITINGS.map(
    (writing, i): Sequence => ({
      id: `5.${3 + i}`,
      expectation: `A text message in two fragments, ${HOW[writing]}, is echoed.`,
      steps: [FIRST, LAST],
      writing,
      echoes: [text("fragment1fragment2")],
    }),
  ),
  ...WRITINGS.map(
    (writing, i): Sequence => ({
      id: `5.${6 + i}`,
      expectation: `A ping between the fragments of a message, ${HOW[writing]}, is answered before the message is echoed.`,
      steps: [FIRST, PING, LAST],
      writing,
      echoes: [text("fragment1fragment2")],
      pongs: ["ping payload"],
    }),
  ),
  ...[true, false].flatMap((fin, kind) =>
    WRITINGS.map(
      (writing, i): Sequence => ({
        id: `5.${9 + kind * 3 + i}`,
        expectation: `A continuation ${fin ? "with" : "without"} FIN that continues nothing, then a message, ${HOW[writing]}, fails the connection.`,
        steps: [
          ["continuation", fin, "non-continuation payload"],
          ["text", true, "Hello, world!"],
        ],
        writing,
        echoes: [],
        isViolation: true,
      }),
    ),
  ),
  {
    id: "5.15",
    expectation:
      "A message in two fragments, then a continuation that continues nothing, then a message: it fails.",
    steps: [FIRST, LAST, ["continuation", false, "fragment3"], ["text", true, "fragment4"]],
    writing: "at once",
    echoes: [text("fragment1fragment2")],
    isViolation: true,
  },
  ...[false, true].map(
    (fin, i): Sequence => ({
      id: `5.${16 + i}`,
      expectation: `Twice a continuation ${fin ? "with" : "without"} FIN that continues nothing, each before a message: it fails.`,
      steps: [1, 2].flatMap((): Step[] => [
        ["continuation", fin, "fragment1"],
        ["text", false, "fragment2"],
        ["continuation", true, "fragment3"],
      ]),
      writing: "at once",
      echoes: [],
      isViolation: true,
    }),
  ),
  {
    id: "5.18",
    expectation: "A text frame inside a fragmented text message fails the connection.",
    steps: [FIRST, ["text", true, "fragment2"]],
    writing: "at once",
    echoes: [],
    isViolation: true,
  },
  ...(["by frame", "at once"] as const).map(
    (writing, i): Sequence => ({
      id: `5.${19 + i}`,
      expectation: `A message in five fragments with two pings among them, ${HOW[writing]}, is echoed; both pings are answered.`,
      steps: [
        FIRST,
        ["continuation", false, "fragment2"],
        ["ping", true, "pongme 1!"],
        ["continuation", false, "fragment3"],
        ["continuation", false, "fragment4"],
        ["ping", true, "pongme 2!"],
        ["continuation", true, "fragment5"],
      ],
      writing,
      echoes: [text("fragment1fragment2fragment3fragment4fragment5")],
      pongs: ["pongme 2!"],
    }),
  ),
  {
    id: "5.21",
    expectation: "A binary frame inside a fragmented text message fails the connection.",
    steps: [FIRST, ["binary", true, "fragment2"]],
    writing: "at once",
    echoes: [],
    isViolation: true,
  },
  {
    id: "5.22",
    expectation: "A message that begins and ends with empty fragments is echoed.",
    steps: [
      ["text", false, ""],
      ["continuation", false, "middle"],
      ["continuation", true, ""],
    ],
    writing: "at once",
    echoes: [text("middle")],
  },
  {
    id: "5.23",
    expectation: "A message of nothing but empty fragments is an empty message.",
    steps: [
      ["text", false, ""],
      ["continuation", false, ""],
      ["continuation", true, ""],
    ],
    writing: "by frame",
    echoes: [text("")],
  },
  {
    id: "5.24",
    expectation: "Two fragmented messages, one behind the other in one write, are echoed.",
    steps: [FIRST, LAST, FIRST, LAST],
    writing: "at once",
    echoes: [text("fragment1fragment2"), text("fragment1fragment2")],
  },
  {
    id: "5.25",
    expectation: "A pong that nobody asked for, between the fragments of a message, is ignored.",
    steps: [FIRST, ["pong", true, "unsolicited"], LAST],
    writing: "at once",
    echoes: [text("fragment1fragment2")],
  },
];

/** 5: messages in fragments, and what may stand between them. */
export const FRAGMENTATION: readonly ConformanceCase[] = SEQUENCES.map(
  ({ id, expectation, steps, writing, echoes, isViolation, pongs = [] }) =>
    conformanceCase({
      id,
      section: SECTION,
      expectation,
      async run(peer) {
        await peer.open();
        await write(peer, steps, writing);
        if (isViolation === true) return expectFailure(peer, [1002], { before: echoes });
        for (const pong of pongs) await expectPong(peer, Buffer.from(pong));
        await expectEchoes(peer, echoes);
        return expectGoodbye(peer);
      },
    }),
);

async function write(peer: Peer, steps: readonly Step[], writing: Sequence["writing"]): Promise<void> {
  const frames = steps.map(([kind, fin, payload]) =>
    peer.frame({ opcode: OPCODE[kind], fin, payload: Buffer.from(payload) }),
  );
  const all = Buffer.concat(frames);
  if (writing === "at once") peer.write(all);
  else if (writing === "by byte") await peer.writePieces(all, 1);
  else await peer.writePieces(all, ...frames.map(({ length }) => length));
}
