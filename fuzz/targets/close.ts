import { UsageError } from "#core/hawser-error.js";
import type { CloseResult } from "#protocol/closing-handshake.js";
import { must } from "../finding.js";
import { type Effort, type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { anyFrames } from "../generate/frames.js";
import { anyBytes, anyText } from "../generate/payload.js";
import { Random } from "../random.js";
import { type EngineMaker, RecordingEngine } from "../recording-engine.js";
import { predictReceive, readModelFrames } from "../reference/frame-model.js";
import { cut } from "../splits.js";
import { bothWays } from "./engine.js";

/** Something that the application, the transport or the clock does. */
type Step = {
  readonly kind: (typeof KINDS)[number];
  /** What is received or sent. */
  readonly hex: string;
  /** A close code, a time in ms, a length. */
  readonly number: number;
  readonly binary: boolean;
  readonly last: boolean;
  /** To be done inside the next call of the handler, and not now. */
  readonly inside: boolean;
};

const KINDS = [
  "receive", "receive", "receive", "receive", "send", "send", "close", "close-empty", "ping", "pong", "pause", "resume",
  "begin", "continue", "tick", "deadline", "end", "terminate",
] as const; // biome-ignore format: a table

/** An engine between an application, a transport and a clock that do what they like. */
export type CloseInput = {
  readonly role: "client" | "server";
  readonly streaming: boolean;
  readonly deflate: { readonly windowBits: number; readonly takeover: boolean } | null;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly messageTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly steps: readonly Step[];
  readonly cutSeed: number;
};

const MAX_MESSAGE_BYTES = 5000;

/** Closing, deadlines and everything else an application does, mixed with anything a peer sends. */
export function closeTarget(makeEngine?: EngineMaker): FuzzTarget {
  return fuzzTarget<CloseInput>({
    name: "close",
    share: 1.5,
    generate,
    run: (input, effort) => runClose(input, effort, makeEngine),
  });
}

function generate(random: Random): CloseInput {
  const role = random.pick(["client", "server"] as const);
  const deflate = random.chance(30)
    ? { windowBits: random.pick([9, 15]), takeover: random.chance(70) }
    : null;
  const time = (): number => random.pick([0, 1, 50, 1000, 30_000]);
  const frames = anyFrames(random, { role, deflate });
  const steps = Array.from({ length: random.between(1, 25) }, (): Step => {
    const kind = random.pick(KINDS);
    let hex = (random.chance(50) ? anyText(random) : anyBytes(random)).toString("hex");
    if (kind === "receive") hex = frames.shift() ?? anyFrames(random, { role, deflate: null })[0]!;
    return {
      kind,
      hex,
      number: random.chance(60) ? random.pick([1000, 1001, 3000, 4999]) : random.below(5100),
      binary: random.chance(50),
      last: random.chance(50),
      inside: kind !== "receive" && random.chance(20),
    };
  });
  return {
    role,
    streaming: random.chance(30),
    deflate,
    pingIntervalMs: time(),
    pongTimeoutMs: time(),
    idleTimeoutMs: time(),
    messageTimeoutMs: time(),
    closeTimeoutMs: random.pick([1, 50, 5000]),
    maxLifetimeMs: random.pick([0, 0, 100, 10_000]),
    steps,
    cutSeed: random.uint32(),
  };
}

function runClose(input: CloseInput, effort: Effort, makeEngine: EngineMaker | undefined): string {
  const whole = new Run(input, undefined, makeEngine).all();
  const random = new Random(input.cutSeed);
  new Run(input, () => random.below(9), makeEngine).all();
  if (effort.everyCut) new Run(input, () => 1, makeEngine).all();
  return whole;
}

/** One run: the transport as `src/node` has it around an engine. */
class Run {
  readonly #input: CloseInput;
  readonly #recorder: RecordingEngine;
  readonly #pieceLength: (() => number) | undefined;
  readonly #inside: Step[] = [];
  /** What was received, and how much of it the engine took. */
  #received: Buffer = Buffer.alloc(0);
  #taken = 0;
  #hasEnded = false;
  #wasTerminated = false;
  /** The moment is part of what happens then: what the peer sent behind it is not read. */
  #wasTimedOut = false;
  /** The message that was begun is text. */
  #isText = false;
  #pings = 0;
  #pongs = 0;
  #deadline: number;
  #words = "";

  constructor(
    input: CloseInput,
    pieceLength: (() => number) | undefined,
    makeEngine: EngineMaker | undefined,
  ) {
    const { steps: _, cutSeed: __, deflate, ...config } = input;
    this.#input = {
      ...input,
      deflate: deflate && { ...deflate, windowBits: windowBitsOf(deflate.windowBits) },
    };
    this.#pieceLength = pieceLength;
    this.#recorder = new RecordingEngine({
      ...config,
      closeTimeoutMs: Math.max(1, config.closeTimeoutMs), // 0 would be no deadline
      maxMessageBytes: MAX_MESSAGE_BYTES,
      compressFromBytes: 10,
      deflate: this.#input.deflate === null ? undefined : bothWays(this.#input.deflate),
      ...(makeEngine && { makeEngine }),
    });
    this.#deadline = this.#recorder.engine.deadlineMs;
    this.#recorder.onEvent = () => {
      const step = this.#inside.shift();
      if (step !== undefined) this.#act(step, true);
    };
  }

  all(): string {
    for (const step of this.#input.steps) {
      if (this.#isOver) break;
      if (step.inside) this.#inside.push(step);
      else this.#act(step, false);
      this.#checkDeadline();
    }
    this.#finish();
    return `${this.#input.role[0]} ${this.#words}`;
  }

  /** Whether the transport takes nothing more. */
  get #isOver(): boolean {
    return this.#hasEnded || this.#recorder.disconnects.includes("destroy");
  }

  #act(step: Step, isInside: boolean): void {
    const wasOpen = this.#recorder.engine.isOpen;
    try {
      this.#do(step, isInside);
    } catch (thrown) {
      if (!(thrown instanceof UsageError)) throw thrown;
      const { engine } = this.#recorder;
      const isMisuse =
        (step.kind === "close" && thrown.code === "CLOSE_CODE_NOT_ALLOWED") ||
        (step.kind === "close" && thrown.code === "CLOSE_REASON_TOO_LONG") ||
        ((step.kind === "ping" || step.kind === "pong") && thrown.code === "CONTROL_PAYLOAD_TOO_LONG") ||
        (["send", "begin", "continue"].includes(step.kind) && thrown.code === "MESSAGE_IN_PROGRESS");
      must(isMisuse, "throws for misuse only", () => `${step.kind}: ${thrown.stack}`);
      must(engine.isOpen === wasOpen, "misuse changes nothing", () => thrown.code);
    }
  }

  #do(step: Step, isInside: boolean): void {
    const { engine } = this.#recorder;
    const data = Buffer.from(step.hex, "hex");
    const text = data.toString("latin1");
    switch (step.kind) {
      case "receive":
        this.#received = Buffer.concat([this.#received, data]);
        if (!isInside) this.#feed();
        break;
      case "send":
        engine.send(step.binary ? data : text, step.binary ? 2 : 1);
        break;
      case "close":
        engine.close(step.number, text);
        break;
      case "close-empty":
        engine.close();
        break;
      case "ping":
        engine.ping(step.last ? undefined : data, () => this.#pongs++);
        this.#pings++;
        break;
      case "pong":
        engine.pong(data);
        break;
      case "pause":
        engine.pause();
        break;
      case "resume":
        engine.resume();
        if (!isInside) this.#feed();
        break;
      case "begin":
        engine.beginMessage(step.binary ? 2 : 1);
        this.#isText = !step.binary;
        break;
      case "continue":
        // Bytes that are given as text are not checked: the application answers for them.
        engine.continueMessage(this.#isText ? text : data, step.last);
        break;
      case "tick":
        if (!isInside) this.#timeIs(this.#recorder.nowMs + step.number);
        break;
      case "deadline":
        if (!isInside && engine.deadlineMs !== Infinity) this.#timeIs(engine.deadlineMs);
        break;
      case "end":
        if (isInside || this.#taken < this.#received.length) break;
        this.#hasEnded = true;
        engine.receiveEnd();
        break;
      case "terminate":
        this.#wasTerminated = true;
        engine.terminate();
    }
  }

  #feed(): void {
    const { engine } = this.#recorder;
    while (this.#taken < this.#received.length && !engine.isPaused && !this.#isOver) {
      const rest = this.#received.subarray(this.#taken);
      const length = Math.min(rest.length, Math.max(1, this.#pieceLength?.() ?? rest.length));
      const [piece] = cut(rest.subarray(0, length), []);
      const taken = engine.receive(piece!);
      must(taken >= 0 && taken <= length, "takes what is there", () => `${taken} of ${length}`);
      must(taken === length || engine.isPaused, "takes all unless paused", () => `${taken} of ${length}`);
      this.#taken += taken;
    }
  }

  #timeIs(nowMs: number): void {
    const { engine } = this.#recorder;
    this.#recorder.nowMs = nowMs;
    const before = this.#recorder.disconnects.length;
    const isDue = engine.deadlineMs <= nowMs;
    engine.handleTimeout(nowMs);
    if (this.#recorder.disconnects.length > before) this.#wasTimedOut = true;
    must(isDue || this.#recorder.disconnects.length === before, "nothing is due early", () => String(nowMs));
    must(
      engine.deadlineMs > nowMs,
      "a deadline that was handled has passed",
      () => `${engine.deadlineMs} at ${nowMs}`,
    );
    this.#deadline = engine.deadlineMs;
    this.#recorder.deadlineChanges = 0;
  }

  #checkDeadline(): void {
    const { engine, deadlineChanges, disconnects } = this.#recorder;
    const deadline = engine.deadlineMs;
    must(!Number.isNaN(deadline), "the deadline is a number", () => "NaN");
    const isEarlier = deadline < this.#deadline;
    must(
      !isEarlier || deadlineChanges > 0,
      "an earlier deadline is told",
      () => `${deadline}, was ${this.#deadline}`,
    );
    const isWaiting = !engine.isOpen && !disconnects.includes("destroy");
    must(!isWaiting || deadline !== Infinity, "closing does not last forever", () => "no deadline");
    this.#deadline = deadline;
    this.#recorder.deadlineChanges = 0;
  }

  #finish(): void {
    const recorder = this.#recorder;
    const { engine } = recorder;
    this.#inside.length = 0;
    engine.resume();
    this.#feed();
    this.#checkReceived();
    for (let i = 0; !engine.isOpen && engine.deadlineMs !== Infinity; i++) {
      must(i < 5, "closing ends with its deadline", () => `still waiting at ${engine.deadlineMs}`);
      this.#timeIs(engine.deadlineMs);
    }
    const output = recorder.output;
    const result = engine.transportClosed();
    recorder.isGone = true;
    must(engine.deadlineMs === Infinity, "no deadline behind the end", () => String(engine.deadlineMs));
    must(
      this.#pongs === this.#pings,
      "every ping is answered or given up, once",
      () => `${this.#pongs} of ${this.#pings}`,
    );
    this.#checkSilence();
    this.#checkOutput(output, result);
    this.#words = `${recorder.events.map(({ type }) => type[0]).join("")} ${result.error?.code ?? ""} ${result.initiator[0]} ${result.sent?.code ?? ""} ${result.received?.code ?? ""} ${recorder.disconnects.join()}`;
  }

  /** What was handed out is what a receiver had to make of what was received. */
  #checkReceived(): void {
    const { role, streaming, deflate } = this.#input;
    const { events } = this.#recorder;
    const limits = {
      maxMessageBytes: MAX_MESSAGE_BYTES,
      maxFrameBytes: MAX_MESSAGE_BYTES,
      maxFragments: 65_536,
    };
    const expected = predictReceive(this.#received, { role, streaming, deflate, ...limits });
    const got = JSON.stringify(events);
    const told = (): string => `got ${got}, expected ${JSON.stringify(expected.events)}`;
    const prefix = JSON.stringify(expected.events.slice(0, events.length));
    must(got === prefix, "hands out what was sent", told);
    // Closed before all was read by the application, by a deadline, by the transport.
    if (this.#wasTerminated || this.#wasTimedOut || this.#hasEnded || expected.mayRefuse) return;
    must(events.length >= expected.surely, "hands out all", told);
  }

  /** Behind the end nothing may be put out, whatever the application does. */
  #checkSilence(): void {
    const { engine } = this.#recorder;
    engine.send("late", 1);
    engine.beginMessage(1);
    engine.ping();
    engine.pong();
    engine.close(1000);
    engine.receive(Buffer.from("810161", "hex"));
    engine.handleTimeout(1e12);
    must(!engine.isOpen, "stays closed", () => "isOpen");
  }

  /** The peer must be able to read what was put out, and nothing but control frames comes behind a close frame. */
  #checkOutput(output: Buffer, { sent, received, wasClean, error, code }: CloseResult): void {
    const { role, deflate } = this.#input;
    const { frames, rest } = readModelFrames(output);
    must(rest.length === 0, "puts out whole frames", () => output.toString("hex"));
    const closeAt = frames.findIndex(({ opcode }) => opcode === 8);
    const behind = closeAt === -1 ? [] : frames.slice(closeAt + 1);
    must(
      behind.every(({ opcode }) => opcode === 10),
      "only pongs behind a close frame",
      () => output.toString("hex"),
    );
    must((closeAt !== -1) === (sent !== undefined), "reports the close frame it sent", () =>
      JSON.stringify(sent),
    );
    const read = predictReceive(output, {
      role: role === "client" ? "server" : "client",
      streaming: false,
      deflate,
      maxMessageBytes: 1e9,
      maxFrameBytes: 1e9,
      maxFragments: 1e9,
    });
    must(read.failure === undefined && !read.mayRefuse, "puts out what the peer can read", () =>
      output.toString("hex"),
    );
    const close = read.events.find((event) => event.type === "closing");
    must(close?.code === sent?.code, "reports the code it sent", () => `${sent?.code} for ${close?.code}`);
    must(code === (received?.code ?? 1006), "reports the code that came", () => `${code}`);
    must(wasClean === (sent !== undefined && received !== undefined), "clean is both", () => `${wasClean}`);
    must(received !== undefined || error !== undefined, "an unclean end has a reason", () => `${code}`);
  }
}

function windowBitsOf(number: number): number {
  return Math.min(15, Math.max(8, number));
}
