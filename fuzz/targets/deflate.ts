import { constants, inflateRawSync } from "node:zlib";
import { hasWasmDeflate } from "#node/deflate/wasm-deflate.js";
import { nodeHost } from "#node/node-host.js";
import type { DeflateContext } from "#protocol/engine-host.js";
import { must } from "../finding.js";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { anyLength } from "../generate/payload.js";
import { Random } from "../random.js";
import { referenceInflate } from "../reference/inflate.js";

const CONTENTS = ["noise", "few", "words", "again", "run"] as const;

type DeflateStep = {
  readonly kind: "bytes" | "text" | "reset" | "let go";
  readonly content: (typeof CONTENTS)[number];
  readonly length: number;
  readonly seed: number;
};

/** What is sent on one connection, one message after the other. */
export type DeflateInput = {
  readonly windowBits: number;
  readonly steps: readonly DeflateStep[];
};

const TAIL: Buffer = Buffer.from("0000ffff", "hex");
const LARGEST = 100_000;
const WINDOW_BYTES = 32_768;
const WORDS = [
  '{"id":',
  ',"name":"',
  "rope",
  "quay",
  '","at":',
  "175000",
  "}",
  ",",
  "hawser",
  "é€",
  "\n",
  "true",
];

/** Deflates messages, and holds what comes of it against zlib and an inflater that shares nothing with it. */
export function deflateTarget(
  makeDeflate: (windowBits: number) => DeflateContext = (bits) => nodeHost.createDeflate!(bits),
): FuzzTarget {
  return fuzzTarget<DeflateInput>({
    name: "deflate",
    share: 1,
    generate,
    run: (input) => run(input, makeDeflate),
  });
}

function generate(random: Random): DeflateInput {
  return {
    windowBits: random.pick([8, 9, 10, 12, 15, 15, 15]),
    steps: Array.from({ length: random.between(1, 12) }, () => ({
      kind: random.pick(["bytes", "bytes", "bytes", "text", "text", "text", "reset", "let go"]),
      content: random.pick(CONTENTS),
      length: random.chance(4)
        ? random.pick([32_767, 32_768, 32_769, 65_536, 70_000])
        : random.chance(30)
          ? random.below(3000)
          : anyLength(random),
      seed: random.uint32(),
    })),
  };
}

function run(input: DeflateInput, makeDeflate: (windowBits: number) => DeflateContext): string {
  const windowBits = Math.min(15, Math.max(8, input.windowBits));
  const context = makeDeflate(windowBits);
  let history: Buffer = Buffer.alloc(0);
  let latest: Buffer = Buffer.alloc(0);
  let words = "";
  try {
    for (const step of input.steps) {
      words += `${step.kind[0]}`;
      if (step.kind === "reset") {
        context.reset();
        history = Buffer.alloc(0);
      } else if (step.kind === "let go") {
        context.letGo?.();
      } else {
        const message = contentOf(step, latest);
        const deflated = deflate(context, step, message);
        check(deflated, message, history, windowBits);
        history = Buffer.concat([history, message]).subarray(-WINDOW_BYTES);
        latest = message;
        words += `${Math.ceil(Math.log2(1 + message.length))}:${Math.ceil(Math.log2(deflated.length))} `;
      }
    }
  } finally {
    context.dispose();
  }
  return words;
}

function deflate(context: DeflateContext, { kind }: DeflateStep, message: Buffer): Buffer {
  const asText =
    kind === "text" && message.length > 0 ? context.deflateText?.(message.toString()) : undefined;
  return Buffer.from(asText ?? context.deflate(message));
}

function check(deflated: Buffer, message: Buffer, history: Buffer, windowBits: number): void {
  const told = (): string => `${deflated.toString("hex")} for ${message.toString("hex")}`;
  must(deflated.subarray(-TAIL.length).equals(TAIL), "ends with an empty stored block", told);
  const most = message.length + (hasWasmDeflate ? 5 * (message.length / 32_768) : message.length / 7) + 16;
  must(deflated.length <= most, "is never much larger than what it holds", told);
  const body = deflated.subarray(0, -TAIL.length);
  const inflated = referenceInflate(body, history, windowBits, message.length);
  must(inflated.verdict === "ok" && inflated.output.equals(message), "is inflated to what it was", told);
  must(!inflated.leavesWindow, "refers to nothing beyond the window", told);
  must(!inflated.hasFinalBlock, "has no last block", told);
  const dictionary = history.subarray(-(2 ** windowBits));
  const byZlib = inflateRawSync(deflated, {
    windowBits,
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary.length > 0 && { dictionary }),
  });
  must(byZlib.equals(message), "is inflated by zlib to what it was", told);
}

function contentOf({ kind, content, length, seed }: DeflateStep, latest: Buffer): Buffer {
  const random = new Random(seed);
  const bytes = make(content, Math.min(LARGEST, Math.max(0, length)), random, latest);
  return kind === "text" ? Buffer.from(bytes.toString()) : bytes;
}

function make(content: DeflateStep["content"], length: number, random: Random, latest: Buffer): Buffer {
  switch (content) {
    case "noise":
      return random.bytes(length);
    case "few": {
      const bytes = Buffer.alloc(length);
      const letters = random.between(1, 30);
      for (let i = 0; i < length; i++) bytes[i] = 97 + Math.min(random.below(letters), random.below(letters));
      return bytes;
    }
    case "again": {
      const bytes = Buffer.from(latest);
      for (let i = random.below(4); i > 0 && bytes.length > 0; i--) {
        bytes[random.below(bytes.length)] = random.below(128);
      }
      return bytes;
    }
    case "run":
      return Buffer.alloc(length, random.bytes(random.between(1, 9)));
    default: {
      let text = "";
      while (text.length < length) text += random.pick(WORDS);
      return Buffer.from(text);
    }
  }
}
