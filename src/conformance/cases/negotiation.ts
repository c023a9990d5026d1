import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import type { DeflateWish } from "../deflate-negotiation.js";
import { type Extension, PERMESSAGE_DEFLATE, readAnswer, readExtensions } from "../deflate-parameters.js";
import { expectEchoes, expectGoodbye, text } from "../expectations.js";
import { fieldValues, type HttpHead, statusOf } from "../http-head.js";
import { CaseFailure, NotNegotiated, nonStrict, type Outcome } from "../outcome.js";
import type { Peer } from "../peer.js";

type Field = readonly [name: string, value: string];
const EXTENSIONS = "Sec-WebSocket-Extensions";
const S7_1 = "RFC 7692 §7.1";
const S9_1 = "RFC 6455 §9.1";
const BITS = [8, 9, 10, 11, 12, 13, 14, 15];

/** Offers that a server may accept or not; if it does, its answer has to fit. */
const VALID_OFFERS: readonly string[] = [
  "permessage-deflate",
  "permessage-deflate; client_max_window_bits",
  "permessage-deflate; server_no_context_takeover",
  "permessage-deflate; client_no_context_takeover",
  "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
  ...BITS.map((bits) => `permessage-deflate; server_max_window_bits=${bits}`),
  ...BITS.map((bits) => `permessage-deflate; client_max_window_bits=${bits}`),
  "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10",
  'permessage-deflate; server_max_window_bits="10"',
  "permessage-deflate;server_max_window_bits=10",
  "permessage-deflate; server_max_window_bits=8, permessage-deflate",
  "permessage-deflate; server_max_window_bits=12; server_no_context_takeover, permessage-deflate; server_max_window_bits=15",
  "x-unknown, permessage-deflate",
  "x-unknown; a=1; b, permessage-deflate; client_max_window_bits",
];

/** Offers that no server may accept (RFC 7692 §7.1: decline them). */
const INVALID_OFFERS: readonly string[] = [
  ...["7", "16", "0", "08", "+9", "9.0", "abc", "99999999999"].flatMap((value) => [
    `permessage-deflate; server_max_window_bits=${value}`,
    `permessage-deflate; client_max_window_bits=${value}`,
  ]),
  "permessage-deflate; server_max_window_bits",
  "permessage-deflate; server_no_context_takeover=1",
  "permessage-deflate; client_no_context_takeover=true",
  "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
  "permessage-deflate; client_max_window_bits; client_max_window_bits",
  "permessage-deflate; server_max_window_bits=10; server_max_window_bits=11",
  "permessage-deflate; unknown_parameter",
  "permessage-deflate; unknown_parameter=1; client_max_window_bits",
];

/** What is no list of extensions (RFC 6455 §9.1: fail the connection). */
const MALFORMED: readonly string[] = [
  "permessage-deflate;",
  "permessage-deflate; =1",
  "permessage-deflate; a=",
  "permessage deflate",
  "; a",
  'permessage-deflate; a="b',
  'permessage-deflate; a="b c"',
  "permessage-deflate; a=b=c",
  "permessage-deflate/1",
  '"permessage-deflate"',
];

const UNKNOWN: readonly string[] = [
  "x-unknown",
  "x-unknown; a=1",
  "permessage-bzip2",
  "permessage-deflatex",
  "x-webkit-deflate-frame",
  "mux; max-channels=4",
];

/** What the client offers, and then the server may choose one of them or none. */
const PROTOCOLS: readonly (readonly string[])[] = [
  ["chat"],
  ["chat, superchat"],
  ["chat", "superchat"],
  ["a".repeat(200)],
  ["v1.chat.example, v2.chat.example"],
];
const BAD_PROTOCOLS = ["chat chat", "chat, chat", "", 'chat/1, ch"at', ","];

/** The answers a server may give to a client that offered permessage-deflate, as far as its offer allows them. */
const ANSWERS: readonly DeflateWish[] = [
  {},
  { serverNoContextTakeover: true },
  { clientNoContextTakeover: true },
  { serverNoContextTakeover: true, clientNoContextTakeover: true },
  ...BITS.map((serverMaxWindowBits) => ({ serverMaxWindowBits })),
  ...BITS.map((clientMaxWindowBits) => ({ clientMaxWindowBits })),
];

/** 21: what both ends say about extensions and subprotocols. */
export const NEGOTIATION: readonly ConformanceCase[] = [
  ...VALID_OFFERS.map((offer, i) =>
    offered(
      `21.1.${i + 1}`,
      S7_1,
      [[EXTENSIONS, offer]],
      "is accepted with parameters that fit it, or declined",
      (answer) => {
        const offers = readExtensions(offer.replaceAll(" = ", "="))!;
        if (answer === undefined) throw new NotNegotiated("the server declines the offer");
        const parameters = readAnswer(answer, offers);
        if (typeof parameters === "string")
          throw new CaseFailure(`the answer breaks RFC 7692: ${parameters}`);
        return undefined;
      },
    ),
  ),
  ...INVALID_OFFERS.map((offer, i) =>
    offered(
      `21.2.${i + 1}`,
      S7_1,
      [[EXTENSIONS, offer]],
      "is declined",
      (answer) => {
        if (answer !== undefined) throw new CaseFailure("the server accepts an offer that is invalid");
        return undefined;
      },
      true,
    ),
  ),
  ...MALFORMED.map((offer, i) =>
    offered(
      `21.3.${i + 1}`,
      S9_1,
      [[EXTENSIONS, offer]],
      "fails the handshake",
      (answer) => {
        if (answer !== undefined) throw new CaseFailure("the server accepts what is malformed");
        return nonStrict("it ignores what is malformed");
      },
      true,
    ),
  ),
  ...UNKNOWN.map((offer, i) =>
    offered(`21.4.${i + 1}`, S9_1, [[EXTENSIONS, offer]], "is ignored", (answer) => {
      if (answer !== undefined) throw new CaseFailure("the server accepts an extension that nobody knows");
      return undefined;
    }),
  ),
  offered(
    "21.5.1",
    S9_1,
    [
      [EXTENSIONS, "x-unknown"],
      [EXTENSIONS, "permessage-deflate"],
    ],
    "in two fields is the same as in one",
    (answer) => {
      if (answer === undefined) throw new NotNegotiated("the server declines the offer");
      return answer.name === PERMESSAGE_DEFLATE
        ? undefined
        : { verdict: "fail", reason: `it chose ${answer.name}` };
    },
  ),
  ...PROTOCOLS.map((lines, i) =>
    offered(
      `21.6.${i + 1}`,
      "RFC 6455 §4.2.2",
      lines.map((line): Field => ["Sec-WebSocket-Protocol", line]),
      "is answered with one of them, or with none",
      (_answer, head) => {
        const chosen = fieldValues(head, "sec-websocket-protocol");
        if (chosen.length > 1) throw new CaseFailure("the server chooses two subprotocols");
        const names = lines.flatMap((line) => line.split(/, */));
        if (chosen[0] !== undefined && !names.includes(chosen[0]))
          throw new CaseFailure(`the server chooses ${chosen[0]}`);
        return undefined;
      },
    ),
  ),
  ...BAD_PROTOCOLS.map((list, i) =>
    offered(
      `21.7.${i + 1}`,
      "RFC 6455 §4.1",
      [["Sec-WebSocket-Protocol", list]],
      "is refused",
      () => nonStrict("it accepts what is malformed"),
      true,
    ),
  ),
  ...ANSWERS.map((wish, i) =>
    conformanceCase({
      id: `21.8.${i + 1}`,
      section: S7_1,
      expectation: `A client that offers permessage-deflate takes the answer ${JSON.stringify(wish)} and keeps to it.`,
      roles: "client",
      async run(peer) {
        await peer.open({ deflate: [wish] });
        for (let i = 0; i < 4; i++) {
          const content = "All work and no play. ".repeat(100 * (i + 1));
          peer.write(peer.message(true, content, { isCompressed: true }));
          await expectEchoes(peer, [text(content)]);
        }
        return expectGoodbye(peer);
      },
    }),
  ),
  conformanceCase({
    id: "21.9.1",
    section: S7_1,
    expectation: "A client that offers permessage-deflate goes on without it if the server declines.",
    roles: "client",
    run: echoPlain,
  }),
];

/** A handshake with some offers. What the judge says counts if the server accepts; else only whether it may refuse. */
function offered(
  id: string,
  section: string,
  fields: readonly Field[],
  what: string,
  judge: (answer: Extension | undefined, head: HttpHead) => Outcome | undefined,
  mayRefuse = false,
): ConformanceCase {
  const shown = fields.map(([, value]) => JSON.stringify(value)).join(" and ");
  return conformanceCase({
    id,
    section,
    expectation: `The offer ${shown} ${what}.`,
    roles: "server",
    async run(peer) {
      await peer.connect();
      await peer.writeText(peer.requestText(fields));
      const head = await peer.readHead();
      if (head === undefined) {
        if (mayRefuse) return nonStrict("it ends the transport without an answer");
        throw new CaseFailure("the server ends the transport without an answer");
      }
      const status = statusOf(head) ?? 0;
      if (status !== 101) {
        if (mayRefuse && status >= 400 && status < 500) return undefined;
        throw new CaseFailure(`the server answers ${JSON.stringify(head.startLine)}`);
      }
      const answered = fieldValues(head, "sec-websocket-extensions").join(", ");
      const extensions = answered === "" ? [] : readExtensions(answered);
      if (extensions === undefined) throw new CaseFailure(`the answer is malformed: ${answered}`);
      if (extensions.length > 1) throw new CaseFailure(`the server chooses more than one: ${answered}`);
      const outcome = judge(extensions[0], head);
      if (extensions[0] === undefined) {
        peer.write(peer.message(true, "Hello"));
        await expectEchoes(peer, [text("Hello")]);
      }
      return outcome;
    },
  });
}

async function echoPlain(peer: Peer): Promise<undefined> {
  if (peer.deflateOffers.length === 0)
    throw new NotNegotiated("the client does not offer permessage-deflate");
  await peer.open();
  peer.write(peer.message(true, "a".repeat(4_096)));
  await expectEchoes(peer, [text("a".repeat(4_096))]);
  return expectGoodbye(peer);
}
