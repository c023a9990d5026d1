import { HandshakeError } from "#core/hawser-error.js";
import { type DeflateOptions, deflateOffer } from "#protocol/extensions/deflate-negotiation.js";
import { readResponse } from "#protocol/handshake/client-handshake.js";
import { HeadParser, type ResponseHead } from "#protocol/handshake/head-parser.js";
import { must } from "../finding.js";
import { type Effort, type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { ACCEPT, anyAnswer } from "../generate/heads.js";
import {
  answersOffer,
  deflateModel,
  elements,
  extensionsModel,
  type HeadModel,
  readHeadModel,
  valuesOf,
} from "../reference/handshake-model.js";
import { splits } from "../splits.js";
import { checkHead, pushAll } from "./server-handshake.js";

/** The bytes of an answer, and what was offered. */
export type AnswerInput = {
  readonly head: string;
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly offersDeflate: boolean;
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** 15 asks for nothing. */
  readonly serverMaxWindowBits: number;
  /** 0 does not offer it, 1 offers it without a value. */
  readonly clientMaxWindowBits: number;
  readonly requireProtocol: boolean;
  readonly cutSeed: number;
};

const PROTOCOLS = ["chat", "superchat"];

/** Answers of servers, which a client has to judge in full. */
export function clientHandshakeTarget(): FuzzTarget {
  return fuzzTarget<AnswerInput>({
    name: "client-handshake",
    share: 1,
    generate: (random) => ({
      head: anyAnswer(random),
      maxHeadBytes: random.pick([16_384, 16_384, 16_384, 150, 1000]),
      maxHeaders: random.pick([100, 100, 100, 3, 5]),
      offersDeflate: random.chance(75),
      serverNoContextTakeover: random.chance(25),
      clientNoContextTakeover: random.chance(25),
      serverMaxWindowBits: random.pick([15, 15, 8, 12]),
      clientMaxWindowBits: random.pick([0, 1, 1, 8, 12, 15]),
      requireProtocol: random.chance(25),
      cutSeed: random.uint32(),
    }),
    run,
  });
}

function run(input: AnswerInput, effort: Effort): string {
  const bytes = Buffer.from(input.head, "latin1");
  const model = readHeadModel(bytes.toString("latin1"), "response", input);
  let words = "";
  for (const chunks of splits(bytes, input.cutSeed, effort)) {
    const { result, rest } = pushAll(new HeadParser("response", input), chunks);
    words = checkHead(result, model);
    if (result?.ok !== true) continue;
    must(rest.toString("latin1") === model.rest, "what follows the head is kept", () => rest.toString("hex"));
    words = checkAnswer(result.head, model, input);
  }
  return words;
}

function optionsOf(input: AnswerInput): DeflateOptions {
  const bits = (number: number) => Math.min(15, Math.max(8, number)) as 8 | 15;
  const { clientMaxWindowBits: client } = input;
  return {
    serverNoContextTakeover: input.serverNoContextTakeover,
    clientNoContextTakeover: input.clientNoContextTakeover,
    serverMaxWindowBits: bits(input.serverMaxWindowBits),
    clientMaxWindowBits: client === 0 ? false : client === 1 ? true : bits(client),
  };
}

function checkAnswer(head: ResponseHead, model: HeadModel, input: AnswerInput): string {
  const options = input.offersDeflate ? optionsOf(input) : undefined;
  const response = readResponse(head, {
    acceptKey: ACCEPT,
    protocols: PROTOCOLS,
    requireProtocol: input.requireProtocol,
    deflateOffer: options,
  });
  const wrong = judge(model, input, options);
  if (response instanceof HandshakeError) {
    must(
      wrong.has(response.code),
      "refuses an answer for what is wrong with it",
      () => `${response.code}, expected ${[...wrong].join()}`,
    );
    return `refused ${response.code}`;
  }
  must(wrong.size === 0, "takes good answers only", () => [...wrong].join());
  must(response.protocol === valuesOf(model, "sec-websocket-protocol")[0], "reads the protocol", () =>
    String(response.protocol),
  );
  const [answer] = extensionsModel(valuesOf(model, "sec-websocket-extensions"))!;
  const { deflate } = response;
  must((deflate !== undefined) === (answer !== undefined), "compresses if that was agreed on", () =>
    JSON.stringify(deflate),
  );
  if (deflate === undefined || answer === undefined || options === undefined) return "taken";
  const agreed = deflateModel(answer, "answer")!;
  const told = (): string => `${JSON.stringify(deflate)} for ${JSON.stringify(answer)}`;
  const own = typeof options.clientMaxWindowBits === "number" ? options.clientMaxWindowBits : 15;
  const clientBits = Math.min(own, Number(agreed.get("client_max_window_bits") ?? 15));
  must(deflate.clientMaxWindowBits === clientBits, "compresses as agreed", told);
  must(
    deflate.serverMaxWindowBits === Number(agreed.get("server_max_window_bits") ?? 15),
    "inflates as agreed",
    told,
  );
  must(
    deflate.serverNoContextTakeover === agreed.has("server_no_context_takeover"),
    "inflates as agreed",
    told,
  );
  const forgets = agreed.has("client_no_context_takeover") || input.clientNoContextTakeover;
  must(deflate.clientNoContextTakeover === forgets, "compresses as agreed", told);
  return `taken ${valuesOf(model, "sec-websocket-extensions")[0]}`;
}

/** What is wrong with an answer (RFC 6455 §4.1, RFC 7692 §7.1). */
function judge(model: HeadModel, input: AnswerInput, options: DeflateOptions | undefined): Set<string> {
  const wrong = new Set<string>();
  const expect = (holds: boolean, code: string): void => {
    if (!holds) wrong.add(code);
  };
  const [, version, status] = model.start!;
  expect(status === "101", "UNEXPECTED_STATUS");
  expect(version === "1.1", "HTTP_VERSION");
  const upgrades = valuesOf(model, "upgrade");
  expect(upgrades.length === 1 && /^websocket$/i.test(upgrades[0]!), "INVALID_UPGRADE");
  expect(
    elements(valuesOf(model, "connection")).some((one) => /^upgrade$/i.test(one)),
    "INVALID_CONNECTION",
  );
  const accepts = valuesOf(model, "sec-websocket-accept");
  expect(accepts.length === 1 && accepts[0] === ACCEPT, "INVALID_ACCEPT");
  const protocols = valuesOf(model, "sec-websocket-protocol");
  expect(protocols.length <= 1, "INVALID_PROTOCOLS");
  if (protocols.length > 0) expect(PROTOCOLS.includes(protocols[0]!), "UNREQUESTED_PROTOCOL");
  else expect(!input.requireProtocol, "MISSING_PROTOCOL");
  const extensions = extensionsModel(valuesOf(model, "sec-websocket-extensions"));
  if (extensions === undefined) return wrong.add("INVALID_EXTENSIONS");
  const [first] = extensions;
  if (first === undefined) return wrong;
  expect(
    options !== undefined && extensions.every(({ name }) => name === "permessage-deflate"),
    "UNREQUESTED_EXTENSION",
  );
  if (options === undefined) return wrong;
  expect(extensions.length === 1, "INVALID_EXTENSIONS");
  const answer = deflateModel(first, "answer");
  if (answer === undefined) return wrong.add("INVALID_EXTENSIONS");
  const offer = deflateModel(extensionsModel([deflateOffer(options)])![0]!, "offer")!;
  if (!answersOffer(offer, answer)) wrong.add("INVALID_EXTENSIONS").add("UNREQUESTED_EXTENSION");
  return wrong;
}
