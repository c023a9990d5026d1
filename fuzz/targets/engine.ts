import { ProtocolError } from "#core/hawser-error.js";
import { must } from "../finding.js";
import { type Effort, type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { anyFrames } from "../generate/frames.js";
import type { Random } from "../random.js";
import { type EngineMaker, RecordingEngine } from "../recording-engine.js";
import {
  mayBeSent,
  type Prediction,
  predictReceive,
  type ReceiveRules,
  readModelFrames,
} from "../reference/frame-model.js";
import { isUtf8 } from "../reference/utf8.js";
import { splits } from "../splits.js";

/** Bytes for an engine, and how it is set up. */
export type EngineInput = {
  readonly role: "client" | "server";
  readonly host: "node" | "portable";
  readonly streaming: boolean;
  readonly maxMessageBytes: number;
  readonly maxFrameBytes: number;
  readonly maxFragments: number;
  readonly deflate: { readonly windowBits: number; readonly takeover: boolean } | null;
  /** What is received, frame by frame, as far as these are frames. */
  readonly hex: readonly string[];
  readonly cutSeed: number;
};

/** Feeds an engine that only receives, and holds all it does against the model. */
export function engineTarget(
  name: "engine-server" | "engine-client" | "engine-deflate",
  makeEngine?: EngineMaker,
): FuzzTarget {
  return fuzzTarget<EngineInput>({
    name,
    share: name === "engine-deflate" ? 1.5 : 1,
    generate(random) {
      const role =
        name === "engine-deflate"
          ? random.pick(["client", "server"] as const)
          : name === "engine-server"
            ? "server"
            : "client";
      return anyEngineInput(random, role, name === "engine-deflate");
    },
    run: (input, effort) => runEngine(input, effort, makeEngine),
  });
}

/** Any input for an engine of this role. */
export function anyEngineInput(
  random: Random,
  role: "client" | "server",
  isCompressed: boolean,
): EngineInput {
  const deflate = isCompressed
    ? { windowBits: random.pick([8, 9, 10, 12, 15, 15, 15]), takeover: random.chance(75) }
    : null;
  const maxMessageBytes = random.pick([100, 126, 1000, 70_000, 70_000, 70_000]);
  return {
    role,
    host: isCompressed || random.chance(60) ? "node" : "portable",
    streaming: random.chance(35),
    maxMessageBytes,
    maxFrameBytes: random.chance(80) ? maxMessageBytes : random.pick([0, 10, 125, 66_000]),
    maxFragments: random.pick([1, 3, 8, 1000, 1000, 1000]),
    deflate,
    hex: anyFrames(random, { role, deflate }),
    cutSeed: random.uint32(),
  };
}

/** The rules of an input, with its numbers brought into range. */
export function rulesOf(input: EngineInput): ReceiveRules {
  const deflate = input.deflate && {
    ...input.deflate,
    windowBits: Math.min(15, Math.max(8, input.deflate.windowBits)),
  };
  return { ...input, deflate };
}

/** An engine that receives by these rules. */
export function receivingEngine(
  rules: ReceiveRules,
  host: "node" | "portable",
  makeEngine?: EngineMaker,
): RecordingEngine {
  const { role, streaming, maxMessageBytes, maxFrameBytes, deflate } = rules;
  return new RecordingEngine({
    role,
    host: deflate === null ? host : "node",
    streaming,
    maxMessageBytes,
    maxFrameBytes,
    maxFragmentOverheadBytes: rules.maxFragments * 64,
    deflate: deflate === null ? undefined : bothWays(deflate),
    ...(makeEngine && { makeEngine }),
  });
}

/** The same parameters for both directions. */
export function bothWays({ windowBits, takeover }: { windowBits: number; takeover: boolean }) {
  return {
    serverNoContextTakeover: !takeover,
    clientNoContextTakeover: !takeover,
    serverMaxWindowBits: windowBits,
    clientMaxWindowBits: windowBits,
  };
}

function runEngine(input: EngineInput, effort: Effort, makeEngine: EngineMaker | undefined): string {
  const rules = rulesOf(input);
  const stream = Buffer.from(input.hex.join(""), "hex");
  const prediction = predictReceive(stream, rules);
  let words = "";
  for (const chunks of splits(stream, input.cutSeed, effort)) {
    const recorder = receivingEngine(rules, input.host, makeEngine);
    words = receiveAll(recorder, chunks, rules, prediction);
  }
  return words;
}

function receiveAll(
  recorder: RecordingEngine,
  chunks: readonly Buffer[],
  rules: ReceiveRules,
  prediction: Prediction,
): string {
  const { engine } = recorder;
  for (const chunk of chunks) {
    const taken = engine.receive(chunk);
    must(taken === chunk.length, "takes all", () => `took ${taken} of ${chunk.length}`);
    must(!Number.isNaN(engine.deadlineMs), "the deadline is a number", () => "NaN");
  }
  const failure = outcomeOf(recorder, rules);
  compare(recorder, prediction, rules, failure);
  const kinds = recorder.events.map((event) => event.type[0]).join("");
  return `${rules.role[0]}${rules.streaming ? "s" : ""}${rules.deflate ? "d" : ""} ${kinds} ${failure?.code ?? ""} ${Math.min(chunks.length, 1)}`;
}

/** Ends the transport, and checks all that has to hold whatever came. */
function outcomeOf(recorder: RecordingEngine, { role }: ReceiveRules): ProtocolError | undefined {
  const { engine, events } = recorder;
  const before = events.length;
  const behind = Buffer.from(role === "server" ? "818100000000" + "61" : "810161", "hex");
  const isOver = !engine.isOpen;
  if (isOver) engine.receive(behind);
  must(events.length === before || !isOver, "nothing more is handed out", () =>
    JSON.stringify(events.at(-1)),
  );
  const output = recorder.output;
  const result = engine.transportClosed();
  recorder.isGone = true;
  must(engine.deadlineMs === Infinity, "no deadline behind the end", () => String(engine.deadlineMs));
  checkOutput(output, recorder);
  const { error, received, sent } = result;
  const closing = events.find((event) => event.type === "closing");
  must(result.code === (closing?.code ?? 1006), "reports the code that came", () => JSON.stringify(result));
  must((received === undefined) === (closing === undefined), "reports what came", () =>
    JSON.stringify(result),
  );
  must(result.wasClean === (sent !== undefined && received !== undefined), "clean is both", () =>
    JSON.stringify(result),
  );
  if (!(error instanceof ProtocolError)) return undefined;
  must(
    sent?.code === error.closeCode,
    "sends the code of the error",
    () => `${sent?.code} for ${error.code}`,
  );
  must(recorder.disconnects.includes("end"), "a failed connection is ended", () => error.code);
  return error;
}

/** Pongs for the pings, a close frame for the end, and nothing else. */
function checkOutput(output: Buffer, { role, events, engine }: RecordingEngine): void {
  const { frames, rest } = readModelFrames(output);
  must(rest.length === 0, "puts out whole frames", () => output.toString("hex"));
  const pings = events.flatMap((event) => (event.type === "ping" ? [event.hex] : []));
  for (const [i, { fin, rsv, masked, opcode, payload, isMinimal }] of frames.entries()) {
    must(fin && rsv === 0 && isMinimal && masked === (role === "client"), "puts out legal frames", () =>
      output.toString("hex"),
    );
    if (opcode === 10) {
      must(pings[i] === payload.toString("hex"), "a pong for each ping", () => output.toString("hex"));
      continue;
    }
    must(opcode === 8 && i === frames.length - 1, "a close frame comes last", () => output.toString("hex"));
    const isLegal = payload.length === 0 || (payload.length >= 2 && mayBeSent(payload.readUInt16BE(0)));
    must(isLegal && isUtf8(payload.subarray(2), true), "a legal close frame", () => payload.toString("hex"));
  }
  const closes = frames.length - pings.length;
  must(closes === (engine.isOpen ? 0 : closes) && closes >= 0 && closes <= 1, "answers all", () =>
    output.toString("hex"),
  );
}

/** Holds what happened against what had to happen. */
export function compare(
  { events, partial }: RecordingEngine,
  prediction: Prediction,
  { streaming, maxMessageBytes, deflate }: ReceiveRules,
  failed: ProtocolError | undefined,
): void {
  const { failure, mayRefuse, surely } = prediction;
  for (const event of events) {
    if (event.type !== "message") continue;
    const payload = Buffer.from(event.hex, "hex");
    must(
      payload.length <= maxMessageBytes,
      "keeps the limit",
      () => `${payload.length} of ${maxMessageBytes}`,
    );
    must(event.opcode !== 1 || isUtf8(payload, true), "text is UTF-8", () => event.hex);
  }
  must(partial.length <= maxMessageBytes, "keeps the limit", () => `${partial.length} of ${maxMessageBytes}`);
  const told = (): string =>
    `got ${JSON.stringify(events)} ${failed?.code ?? "no failure"}, ` +
    `expected ${JSON.stringify(prediction.events)} ${failure === undefined ? "no failure" : [...failure]}`;
  const isEarly = mayRefuse && failed?.closeCode === 1007;
  if (failed === undefined) {
    must(failure === undefined || failure.has(0), "breaks a rule unnoticed", told);
    must(events.length === prediction.events.length, "hands out all", told);
  } else {
    must(isEarly || failure?.has(failed.closeCode) === true, "fails for the right reason", told);
    must(isEarly || events.length >= surely, "hands out what came before", told);
  }
  const expected = prediction.events.slice(0, events.length);
  must(JSON.stringify(events) === JSON.stringify(expected), "hands out what was sent", told);
  if (isEarly) return;
  must(streaming || partial.length === 0, "hands out whole messages", told);
  const handed = prediction.partial.subarray(0, partial.length);
  must(handed.equals(partial), "hands out pieces of what was sent", () => partial.toString("hex"));
  if (streaming && failed === undefined && deflate === null) {
    must(partial.length === prediction.partial.length, "hands out pieces at once", told);
  }
}
