import { ProtocolError } from "#core/hawser-error.js";
import { Finding } from "../finding.js";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { Random } from "../random.js";
import { predictReceive } from "../reference/frame-model.js";
import { cut } from "../splits.js";
import { explain } from "../ws-disagreements.js";
import { receiveWithWs } from "../ws-receiver.js";
import { anyEngineInput, type EngineInput, receivingEngine, rulesOf } from "./engine.js";

/** The same bytes for Hawser and for the receiver of the `ws` package, in both roles. */
export function wsDifferenceTarget(): FuzzTarget {
  return fuzzTarget<EngineInput>({
    name: "ws-difference",
    share: 1.5,
    generate(random) {
      const input = anyEngineInput(random, random.pick(["client", "server"]), random.chance(40));
      return { ...input, streaming: false, maxFrameBytes: input.maxMessageBytes, maxFragments: 100_000 };
    },
    run,
  });
}

async function run(input: EngineInput): Promise<string> {
  // What ws has no limit for, or none of 0, is not limited.
  const maxMessageBytes = Math.max(1, input.maxMessageBytes);
  const limits = { streaming: false, maxMessageBytes, maxFrameBytes: maxMessageBytes, maxFragments: 100_000 };
  const rules = { ...rulesOf(input), ...limits };
  const stream = Buffer.from(input.hex.join(""), "hex");
  const random = new Random(input.cutSeed);
  const pieces = () =>
    cut(
      stream,
      Array.from({ length: random.below(4) }, () => random.below(stream.length + 1)),
    );

  const recorder = receivingEngine(rules, input.host);
  for (const chunk of pieces()) recorder.engine.receive(chunk);
  const { error } = recorder.engine.transportClosed();
  const failure = error instanceof ProtocolError ? error : undefined;
  const hawser = { events: recorder.events, code: failure?.code, closeCode: failure?.closeCode };
  const ws = await receiveWithWs(pieces(), rules);
  const words = explain({ stream, hawser, ws, prediction: predictReceive(stream, rules) });
  if (words !== undefined) return `${words} ${hawser.code ?? ""} ${ws.failure ?? ""} ${rules.role}`;
  throw new Finding(
    `differs from ws (${hawser.code ?? "accepts"}, ${ws.isStuck ? "stuck" : (ws.failure ?? "accepts")})`,
    `Hawser ${JSON.stringify(hawser)}, ws ${JSON.stringify(ws)}`,
  );
}
