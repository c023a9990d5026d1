import { createHash } from "node:crypto";
import { HandshakeError } from "#core/hawser-error.js";
import { acceptDeflateOffer, type DeflateParameters } from "#protocol/extensions/deflate-negotiation.js";
import { acceptKey } from "#protocol/handshake/accept-key.js";
import { readResponse } from "#protocol/handshake/client-handshake.js";
import { HeadParser, type HeadResult } from "#protocol/handshake/head-parser.js";
import { isOriginAllowed } from "#protocol/handshake/origin-policy.js";
import {
  acceptHead,
  chooseProtocol,
  readRequest,
  refusalHead,
} from "#protocol/handshake/server-handshake.js";
import { must } from "../finding.js";
import { type Effort, type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { anyRequest } from "../generate/heads.js";
import {
  answersOffer,
  deflateModel,
  type ExtensionModel,
  extensionsModel,
  type HeadModel,
  judgeRequest,
  readHeadModel,
  valuesOf,
} from "../reference/handshake-model.js";
import { splits } from "../splits.js";

/** The bytes of a request, and the limits of the server. */
export type RequestInput = {
  readonly head: string;
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
  readonly cutSeed: number;
};

/** Requests of clients: read, judged, and answered so that a client takes the answer. */
export function serverHandshakeTarget(): FuzzTarget {
  return fuzzTarget<RequestInput>({
    name: "server-handshake",
    share: 1,
    generate: (random) => ({
      head: anyRequest(random),
      maxHeadBytes: random.pick([16_384, 16_384, 16_384, 200, 1000]),
      maxHeaders: random.pick([100, 100, 100, 5, 8]),
      serverMaxWindowBits: random.pick([15, 15, 8, 11]),
      clientMaxWindowBits: random.pick([15, 15, 8, 11]),
      cutSeed: random.uint32(),
    }),
    run,
  });
}

function run(input: RequestInput, effort: Effort): string {
  const bytes = Buffer.from(input.head, "latin1");
  const model = readHeadModel(bytes.toString("latin1"), "request", input);
  let words = "";
  for (const chunks of splits(bytes, input.cutSeed, effort)) {
    const parser = new HeadParser("request", input);
    const { result, rest } = pushAll(parser, chunks);
    words = checkHead(result, model);
    if (result?.ok !== true) continue;
    must(rest.toString("latin1") === model.rest, "what follows the head is kept", () => rest.toString("hex"));
    words = checkRequest(result, model, input);
  }
  return words;
}

/** Pushes until there is a result; what is left of the chunks is behind the head. */
export function pushAll<Kind extends "request" | "response">(
  parser: HeadParser<Kind>,
  chunks: readonly Buffer[],
): { result: HeadResult<Kind> | undefined; rest: Buffer } {
  let result: HeadResult<Kind> | undefined;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    result = parser.push(chunk);
    if (result?.ok === true) rest.push(result.rest);
  }
  return { result, rest: Buffer.concat(rest) };
}

/** Holds a head that was read, or was not, against the model. */
export function checkHead(result: HeadResult | undefined, model: HeadModel): string {
  const told = (): string =>
    `${result === undefined ? "waits" : result.ok ? "reads it" : result.error.code}, expected ${model.isComplete ? "the end" : "no end"} ${[...model.wrong].join()}`;
  if (result === undefined) {
    must(
      !model.isComplete && model.wrong.size === 0,
      "a head that cannot become good is refused at once",
      told,
    );
    return "incomplete";
  }
  if (!result.ok) {
    must(model.wrong.has(result.error.code), "refuses a head for what is wrong with it", told);
    return `refused ${result.error.code}`;
  }
  must(model.isComplete && model.wrong.size === 0, "reads good heads only", told);
  must(
    JSON.stringify([...result.head.headers]) === JSON.stringify(model.fields),
    "reads the fields that are there",
    () => JSON.stringify([...result.head.headers]),
  );
  return "read";
}

function checkRequest(
  result: HeadResult<"request"> & { ok: true },
  model: HeadModel,
  input: RequestInput,
): string {
  const request = readRequest(result.head);
  const wrong = judgeRequest(model);
  if (request instanceof HandshakeError) {
    const { code, status, headers } = request;
    must(
      wrong.has(code),
      "refuses a request for what is wrong with it",
      () => `${code}, expected ${[...wrong].join()}`,
    );
    must(status >= 400 && status < 600, "refuses with a status", () => String(status));
    refusalHead({ status, headers, bodyBytes: 0 });
    return `refused ${code}`;
  }
  must(wrong.size === 0, "accepts good requests only", () => [...wrong].join());
  const key = valuesOf(model, "sec-websocket-key")[0]!;
  must(request.key === key && request.target === model.start![2], "reads the request", () =>
    JSON.stringify(request),
  );
  const extensions = extensionsModel(valuesOf(model, "sec-websocket-extensions"))!;
  must(
    JSON.stringify(request.extensions.map((e) => [e.name, e.parameters.map((p) => [p.name, p.value])])) ===
      JSON.stringify(extensions.map((e) => [e.name, e.parameters])),
    "reads the extensions that are there",
    () => JSON.stringify(request.extensions),
  );
  isOriginAllowed("same-origin", request);
  isOriginAllowed(["https://*.example.com", "http://localhost:8080"], request);

  const deflate = negotiate(request.extensions, extensions, input);
  const protocol = chooseProtocol(request.protocols, ["superchat", "chat", "__proto__"]);
  const sha1Base64 = (text: string): string => createHash("sha1").update(text).digest("base64");
  const ownAccept = acceptKey(key, sha1Base64);
  const expectedAccept = createHash("sha1")
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  must(ownAccept === expectedAccept, "the accept key is the one of §4.2.2", () => ownAccept);
  const answer = acceptHead({ acceptKey: ownAccept, protocol, extensions: deflate?.response });
  const parser = new HeadParser("response");
  const read = parser.push(Buffer.from(answer, "latin1"));
  must(read?.ok === true && read.rest.length === 0, "answers with one head", () => answer);
  const response = readResponse(read.head, {
    acceptKey: expectedAccept,
    protocols: request.protocols,
    deflateOffer: deflate === undefined ? undefined : {},
  });
  // What the client itself demanded is not known here; the rest of the answer must be good.
  const isTaken = !(response instanceof HandshakeError) || deflate !== undefined;
  must(isTaken, "a client takes the answer", () => `${answer} ${String(response)}`);
  return `accepted ${protocol ?? ""} ${deflate?.response ?? ""}`;
}

function negotiate(
  offers: Parameters<typeof acceptDeflateOffer>[0],
  models: readonly ExtensionModel[],
  input: RequestInput,
): { parameters: DeflateParameters; response: string } | undefined {
  const bits = (number: number) => Math.min(15, Math.max(8, number)) as 8 | 15;
  const clientLimit = bits(input.clientMaxWindowBits);
  const accepted = acceptDeflateOffer(offers, {
    serverMaxWindowBits: bits(input.serverMaxWindowBits),
    clientMaxWindowBits: clientLimit,
  });
  const good = models
    .filter(({ name }) => name === "permessage-deflate")
    .map((model) => deflateModel(model, "offer"))
    .find((offer) => offer !== undefined && (clientLimit === 15 || offer.has("client_max_window_bits")));
  const told = (): string => `${accepted?.response}, offered ${JSON.stringify(models)}`;
  must((accepted !== undefined) === (good !== undefined), "takes the first good offer", told);
  if (accepted === undefined || good === undefined) return undefined;
  const [answerModel] = extensionsModel([accepted.response])!;
  const answer = deflateModel(answerModel!, "answer");
  must(answer !== undefined && answersOffer(good, answer), "answers what was offered", told);
  const { parameters } = accepted;
  const serverBits = Number(answer.get("server_max_window_bits") ?? 15);
  const clientBits = Number(answer.get("client_max_window_bits") ?? 15);
  const offeredBits = good.get("client_max_window_bits");
  must(
    parameters.serverMaxWindowBits === serverBits && serverBits <= bits(input.serverMaxWindowBits),
    "does what it answers",
    told,
  );
  must(
    parameters.clientMaxWindowBits === clientBits && clientBits <= clientLimit,
    "does what it answers",
    told,
  );
  must(clientBits <= Number(offeredBits === true ? 15 : (offeredBits ?? 15)), "does what it answers", told);
  must(
    parameters.serverNoContextTakeover === answer.has("server_no_context_takeover"),
    "does what it answers",
    told,
  );
  must(
    parameters.clientNoContextTakeover === answer.has("client_no_context_takeover"),
    "does what it answers",
    told,
  );
  return accepted;
}
