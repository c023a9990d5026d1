import { ZlibInflateContext } from "#node/deflate/inflate-context.js";
import type { InflateContext } from "#protocol/engine-host.js";
import { must } from "../finding.js";
import { type Effort, type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { DeflateWriter } from "../generate/deflate-data.js";
import { anyBytes } from "../generate/payload.js";
import type { Random } from "../random.js";
import { referenceInflate } from "../reference/inflate.js";
import { splits } from "../splits.js";

/** Messages of permessage-deflate, one after the other. */
export type InflateInput = {
  readonly windowBits: number;
  readonly takeover: boolean;
  readonly maxOutputBytes: number;
  readonly hex: readonly string[];
  readonly cutSeed: number;
};

/** What is appended to a message to find its end. */
const APPENDED: Buffer = Buffer.from("0000ffff010000ffff", "hex");

/** Inflates messages whole and in pieces, and holds both against an inflater that shares nothing with zlib. */
export function inflateTarget(
  makeInflate: (windowBits: number) => InflateContext = (bits) => new ZlibInflateContext(bits),
): FuzzTarget {
  return fuzzTarget<InflateInput>({
    name: "inflate",
    share: 1,
    generate,
    run: (i, e) => run(i, e, makeInflate),
  });
}

function generate(random: Random): InflateInput {
  const windowBits = random.pick([8, 9, 10, 13, 15, 15]);
  const takeover = random.chance(70);
  const writer = new DeflateWriter(random, { windowBits, takeover });
  return {
    windowBits,
    takeover,
    maxOutputBytes: random.pick([0, 1, 100, 1000, 16_383, 16_384, 16_385, 100_000]),
    hex: Array.from({ length: random.between(1, 4) }, () => writer.message(anyBytes(random)).toString("hex")),
    cutSeed: random.uint32(),
  };
}

function run(
  input: InflateInput,
  effort: Effort,
  makeInflate: (windowBits: number) => InflateContext,
): string {
  const windowBits = Math.min(15, Math.max(8, input.windowBits));
  const whole = makeInflate(windowBits);
  let history: Buffer = Buffer.alloc(0);
  let before: Buffer[] = [];
  let words = "";
  try {
    for (const hex of input.hex) {
      const message = Buffer.from(hex, "hex");
      const expected = referenceInflate(message, history, windowBits, input.maxOutputBytes);
      for (const chunks of splits(message, input.cutSeed, effort)) {
        const context = makeInflate(windowBits);
        try {
          // The window is that of the messages before, which were good.
          for (const earlier of before) context.inflate(earlier, true, 1e9);
          check(inflatePieces(context, chunks, input.maxOutputBytes), expected);
        } finally {
          context.dispose();
        }
      }
      const got = whole.inflate(message, true, input.maxOutputBytes);
      check(
        typeof got === "string"
          ? { output: Buffer.alloc(0), verdict: got }
          : { output: Buffer.from(got), verdict: "ok" },
        expected,
        true,
      );
      words += `${expected.verdict}${expected.leavesWindow ? "w" : ""} ${Math.ceil(Math.log2(1 + expected.output.length))} `;
      // Of bits that are left over nobody says what they are to the next message.
      if (typeof got === "string" || expected.endsInTail) break;
      if (!input.takeover) whole.reset();
      before = input.takeover ? [...before, message] : [];
      history = input.takeover
        ? Buffer.concat([history, expected.output]).subarray(-32_768)
        : Buffer.alloc(0);
    }
  } finally {
    whole.dispose();
  }
  return words;
}

interface Inflated {
  readonly output: Buffer;
  readonly verdict: "ok" | "invalid" | "too-big";
}

function inflatePieces(context: InflateContext, chunks: readonly Buffer[], maxOutputBytes: number): Inflated {
  const outputs: Buffer[] = [];
  let left = maxOutputBytes;
  for (const [i, chunk] of chunks.entries()) {
    const piece = context.inflate(chunk, i === chunks.length - 1, left);
    if (typeof piece === "string") return { output: Buffer.concat(outputs), verdict: piece };
    must(piece.length <= left, "keeps the limit", () => `${piece.length} of ${left}`);
    left -= piece.length;
    outputs.push(Buffer.from(piece));
  }
  return { output: Buffer.concat(outputs), verdict: "ok" };
}

function check(got: Inflated, expected: ReturnType<typeof referenceInflate>, isWhole = false): void {
  const told = (): string =>
    `${isWhole ? "whole" : "in pieces"}: ${got.verdict}, ${got.output.length} bytes; ` +
    `expected ${expected.verdict}, ${expected.output.length} bytes`;
  // Whether a reference beyond the agreed window is noticed depends on where the pieces end.
  // So it is with a message that was cut in a stored block by just the bytes that are appended.
  const isCut = expected.output.subarray(-APPENDED.length).equals(APPENDED);
  const mayDiffer =
    ((expected.leavesWindow || expected.alsoInvalid || isCut) && got.verdict === "invalid") ||
    (expected.failsInTail && got.verdict === "too-big") ||
    (expected.endsInTail && got.verdict !== "too-big" && expected.verdict !== "too-big");
  must(mayDiffer || got.verdict === expected.verdict, "inflates what is DEFLATE, and nothing else", told);
  const prefix = expected.output.subarray(0, got.output.length);
  must(prefix.equals(got.output), "inflates to what was deflated", told);
  if (got.verdict === "ok" && expected.verdict === "ok")
    must(got.output.length === expected.output.length, "inflates all", told);
}
