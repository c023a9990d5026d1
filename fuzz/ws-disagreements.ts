import type { ProtocolErrorCode } from "#core/error-codes.js";
import {
  type ModelEvent,
  type Prediction,
  readFrameHeader,
  readModelFrames,
} from "./reference/frame-model.js";
import { isUtf8 } from "./reference/utf8.js";
import type { WsOutcome } from "./ws-receiver.js";

/** What both made of the same stream. */
export interface Comparison {
  readonly stream: Buffer;
  readonly hawser: {
    readonly events: readonly ModelEvent[];
    readonly code: ProtocolErrorCode | undefined;
    readonly closeCode: number | undefined;
  };
  readonly ws: WsOutcome;
  readonly prediction: Prediction;
}

/** A way in which Hawser and `ws` are known to differ. */
export interface KnownDisagreement {
  readonly id: string;
  /** What decides. */
  readonly section: string;
  /** What each does, and who is right. */
  readonly reason: string;
  /** The cases of `hawser/conformance` that ask for it. */
  readonly conformanceCases: readonly string[];
  /** Whether this explains the difference. */
  explains(comparison: Comparison): boolean;
}

/** Every known disagreement. One that none of these explains is a finding. */
export const KNOWN_DISAGREEMENTS: readonly KnownDisagreement[] = [
  {
    id: "non-minimal-length",
    section: "RFC 6455 §5.2",
    reason: '"the minimal number of bytes MUST be used": Hawser fails the connection with 1002, ws reads on.',
    conformanceCases: ["22.2.1", "22.2.2", "22.2.3"],
    explains: ({ hawser, ws }) => hawser.code === "NON_MINIMAL_LENGTH" && isPrefix(hawser.events, ws.events),
  },
  {
    id: "length-overflow",
    section: "RFC 6455 §5.2, §7.4.1",
    reason:
      "A length above 2^53-1: 1002 by Hawser, 1009 by ws. From 2^63 on the RFC forbids it, which is 1002; between, both codes fit.",
    conformanceCases: ["22.5.1"],
    explains: ({ hawser, ws }) =>
      hawser.code === "LENGTH_OVERFLOW" && ws.failure === 1009 && isSame(hawser.events, ws.events),
  },
  {
    id: "header-judged-earlier",
    section: "RFC 6455 §5.2",
    reason:
      "The stream ends inside a frame. ws judges the first two bytes of a header, Hawser the whole header, and the payload of a close frame when it is there. No RFC says when; the same frame fails in both once it is complete.",
    conformanceCases: [],
    explains: ({ stream, hawser, ws }) =>
      hawser.code === undefined &&
      ws.failure !== undefined &&
      isSame(hawser.events, ws.events) &&
      endsInFrame(stream),
  },
  {
    id: "utf8-fails-fast",
    section: "RFC 6455 §8.1",
    reason:
      "Hawser fails at the first byte that cannot be UTF-8, ws when the message is complete, so that it may see control frames, another fault or the end of the stream before.",
    conformanceCases: ["6.4.1", "6.4.2", "6.4.3", "6.4.4", "6.4.5"],
    explains: ({ hawser, ws }) => {
      if (hawser.code !== "INVALID_UTF8" || !isPrefix(hawser.events, ws.events)) return false;
      const more = ws.events.slice(hawser.events.length);
      // What it hands out must not be the text in question.
      return (
        more.every(({ type }) => type === "ping" || type === "pong" || type === "closing") && !ws.isStuck
      );
    },
  },
  {
    id: "truncated-deflate",
    section: "RFC 7692 §7.2.2",
    reason:
      "A compressed message that ends inside a block is no DEFLATE data once 00 00 FF FF is appended: Hawser fails with 1007, ws hands out what it has, or finds another fault in that.",
    conformanceCases: ["27.3.1", "27.3.2", "27.3.3"],
    explains: ({ hawser, ws }) =>
      hawser.code === "INVALID_COMPRESSED_DATA" && isPrefix(hawser.events, ws.events),
  },
  {
    id: "blocks-behind-bfinal",
    section: "RFC 7692 §7.2.3.4",
    reason:
      "A block with BFINAL may be followed by others, and later messages may refer back to it. Hawser goes on with the same window; ws drops what follows it, and the window.",
    conformanceCases: ["27.1.3", "27.1.11", "27.1.12"],
    explains: ({ prediction }) => prediction.hasFinalBlock,
  },
  {
    id: "beyond-the-window",
    section: "RFC 7692 §7.1.2",
    reason:
      "A reference beyond the agreed window is the fault of who sent it. Neither looks for it; zlib notices, depending on where its buffers begin.",
    conformanceCases: [],
    explains: ({ prediction }) => prediction.mayRefuse,
  },
  {
    id: "fragments-inflated-as-they-come",
    section: "RFC 7692 §7.2.2",
    reason:
      "ws inflates each fragment when it comes, Hawser the message when it is complete (or each piece, with streaming). So a fault is noticed before or behind control frames between the fragments, and the limit before a fault that follows.",
    conformanceCases: [],
    explains: ({ hawser, ws }) =>
      (ws.failure === 1007 || ws.failure === 1009) &&
      isPrefix(ws.events, hawser.events) &&
      hawser.events
        .slice(ws.events.length)
        .every(({ type }) => type === "ping" || type === "pong" || type === "closing"),
  },
];

/** A few words if both agree or are known to differ so; undefined for a disagreement that nothing explains. */
export function explain(comparison: Comparison): string | undefined {
  const { hawser, ws } = comparison;
  if (isSame(hawser.events, ws.events) && hawser.closeCode === ws.failure && !ws.isStuck) return "agree";
  return KNOWN_DISAGREEMENTS.find((one) => one.explains(comparison))?.id;
}

function isSame(a: readonly ModelEvent[], b: readonly ModelEvent[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isPrefix(short: readonly ModelEvent[], long: readonly ModelEvent[]): boolean {
  const hasOnlyText = long.every(
    (event) => event.type !== "message" || event.opcode !== 1 || isUtf8(Buffer.from(event.hex, "hex"), true),
  );
  return hasOnlyText && isSame(short, long.slice(0, short.length));
}

function endsInFrame(stream: Buffer): boolean {
  const { rest } = readModelFrames(stream);
  const header = readFrameHeader(rest);
  return rest.length > 0 && (header === undefined || rest.length - header.size < Number(header.length));
}
