import { must } from "../finding.js";
import { type Effort, type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { anyBytes, anyText } from "../generate/payload.js";
import { Random } from "../random.js";
import { type EngineMaker, RecordingEngine } from "../recording-engine.js";
import type { ModelEvent } from "../reference/frame-model.js";
import { cut } from "../splits.js";

type Sending = {
  readonly by: "client" | "server";
  readonly kind: "message" | "pieces" | "ping" | "pong" | "carry";
  readonly binary: boolean;
  readonly compress: boolean;
  readonly hex: string;
  /** Where it is cut into fragments. */
  readonly number: number;
};

/** Two engines that agree on the parameters of compression, and what each sends. */
export type RoundTripInput = {
  readonly streaming: boolean;
  readonly isCompressed: boolean;
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
  readonly sendings: readonly Sending[];
  readonly closeCode: number;
  readonly cutSeed: number;
};

const CODES = [1000, 1001, 1011, 3000, 4999];

/** What an engine sends, the other one receives, and both end cleanly. */
export function roundTripTarget(makeEngine?: EngineMaker): FuzzTarget {
  return fuzzTarget<RoundTripInput>({
    name: "round-trip",
    share: 1,
    generate,
    run: (i, e) => run(i, e, makeEngine),
  });
}

function generate(random: Random): RoundTripInput {
  const bits = (): number => random.between(8, 15);
  return {
    streaming: random.chance(40),
    isCompressed: random.chance(75),
    serverNoContextTakeover: random.chance(30),
    clientNoContextTakeover: random.chance(30),
    serverMaxWindowBits: bits(),
    clientMaxWindowBits: bits(),
    sendings: Array.from({ length: random.between(1, 15) }, (): Sending => {
      const binary = random.chance(50);
      const data = binary ? anyBytes(random) : Buffer.from(anyText(random).toString());
      return {
        by: random.pick(["client", "server"]),
        kind: random.pick(["message", "message", "message", "pieces", "pieces", "ping", "pong", "carry"]),
        binary,
        compress: random.chance(80),
        hex: data.toString("hex"),
        number: random.below(300),
      };
    }),
    closeCode: random.pick(CODES),
    cutSeed: random.uint32(),
  };
}

function run(input: RoundTripInput, effort: Effort, makeEngine: EngineMaker | undefined): string {
  const bits = (number: number): number => Math.min(15, Math.max(8, number));
  const parameters = {
    serverNoContextTakeover: input.serverNoContextTakeover,
    clientNoContextTakeover: input.clientNoContextTakeover,
    serverMaxWindowBits: bits(input.serverMaxWindowBits),
    clientMaxWindowBits: bits(input.clientMaxWindowBits),
  };
  const ends = { client: make("client"), server: make("server") };
  const sent: Record<"client" | "server", ModelEvent[]> = { client: [], server: [] };
  const random = new Random(input.cutSeed);
  for (const one of input.sendings) {
    if (one.kind === "carry") carry(one.by);
    else sent[one.by].push(...send(ends[one.by], one));
  }
  const first = random.pick(["client", "server"] as const);
  const second = first === "client" ? "server" : "client";
  carry(second);
  const closeCode = CODES.includes(input.closeCode) ? input.closeCode : 1000;
  ends[first].engine.close(closeCode, "done");
  for (const side of [first, second, first] as const) carry(side);
  const told = (): string => JSON.stringify({ sent, client: ends.client.events, server: ends.server.events });
  for (const [from, to] of [
    ["client", "server"],
    ["server", "client"],
  ] as const) {
    const of = (events: readonly ModelEvent[], ...types: readonly string[]): string =>
      JSON.stringify(events.filter(({ type }) => types.includes(type)));
    must(
      of(ends[to].events, "message", "ping") === of(sent[from], "message", "ping"),
      "what is sent arrives",
      told,
    );
    // Its own pongs, and the answers to the pings of the other side.
    const pongs = [
      ...sent[from].filter(({ type }) => type === "pong"),
      ...sent[to].filter(({ type }) => type === "ping"),
    ];
    const got = ends[to].events.filter(({ type }) => type === "pong");
    must(got.length === pongs.length, "every ping is answered", told);
    const result = ends[to].engine.transportClosed();
    must(
      result.wasClean && result.error === undefined,
      "ends cleanly",
      () => `${JSON.stringify(result)} ${told()}`,
    );
    must(result.code === closeCode, "ends with the code", told);
  }
  return `${input.isCompressed} ${sent.client.map(({ type }) => type[0]).join("")} ${sent.server.map(({ type }) => type[0]).join("")}`;

  function make(role: "client" | "server"): RecordingEngine {
    return new RecordingEngine({
      role,
      streaming: input.streaming,
      compressFromBytes: 1,
      deflate: input.isCompressed ? parameters : undefined,
      ...(makeEngine && { makeEngine }),
    });
  }

  /** Everything that this side put out reaches the other. */
  function carry(from: "client" | "server"): void {
    const bytes = ends[from].takeOutput();
    const { engine } = ends[from === "client" ? "server" : "client"];
    const positions = effort.everyCut
      ? [...bytes.keys()]
      : Array.from({ length: random.below(6) }, () => random.below(bytes.length + 1));
    for (const chunk of cut(bytes, positions)) {
      if (chunk.length > 0) engine.receive(chunk);
    }
  }
}

function send({ engine }: RecordingEngine, { kind, binary, compress, hex, number }: Sending): ModelEvent[] {
  const data = Buffer.from(hex, "hex");
  const opcode = binary ? 2 : 1;
  const content = binary ? data : data.toString();
  const event: ModelEvent = { type: "message", opcode, hex: Buffer.from(content).toString("hex") };
  switch (kind) {
    case "ping":
    case "pong": {
      const payload = data.subarray(0, 125);
      engine[kind](payload);
      return [{ type: kind, hex: payload.toString("hex") }];
    }
    case "pieces": {
      const at = Math.min(number, content.length);
      engine.beginMessage(opcode, compress);
      const ping = Buffer.of(number & 255);
      if (typeof content === "string") {
        // Not inside a pair of surrogates: each half alone would be encoded as U+FFFD.
        const isInside = at > 0 && content.codePointAt(at - 1)! > 0xffff;
        const end = isInside ? at - 1 : at;
        engine.continueMessage(content.slice(0, end), false);
        engine.ping(ping);
        engine.continueMessage(content.slice(end), true);
      } else {
        engine.continueMessage(content.subarray(0, at), false);
        engine.ping(ping);
        engine.continueMessage(content.subarray(at), true);
      }
      return [{ type: "ping", hex: ping.toString("hex") }, event];
    }
    default:
      engine.send(content, opcode, compress);
      return [event];
  }
}
