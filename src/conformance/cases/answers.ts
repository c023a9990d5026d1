import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { eventWords } from "../expectations.js";
import { OPCODE } from "../frame.js";
import { acceptFor, fieldValues, headText } from "../http-head.js";
import { CaseFailure, NotNegotiated, nonStrict, type Outcome } from "../outcome.js";
import type { Peer } from "../peer.js";

type Field = readonly [name: string, value: string];

/** An answer to the client that is wrong in one way. */
interface BadAnswer {
  readonly what: string;
  readonly section: string;
  readonly startLine?: string;
  readonly change?: (good: readonly Field[], peer: Peer) => readonly Field[];
  /** What stands before the head, as it is. */
  readonly raw?: (head: string) => string;
  readonly isHarmless?: boolean;
  /** Only for a client that offers permessage-deflate; `without`: only for an offer that has not this parameter. */
  readonly needsOffer?: { readonly without?: string };
}

/** How long a client may take to end the transport after an answer that it does not believe. */
const GIVING_UP_MS = 2_000;
const S4_1 = "RFC 6455 §4.1";
const drop = (name: string) => (good: readonly Field[]) => good.filter(([field]) => field !== name);
const having = (name: string, value: string) => (good: readonly Field[]) =>
  good.map(([field, old]): Field => [field, field === name ? value : old]);
const also =
  (name: string, value: string) =>
  (good: readonly Field[]): Field[] => [...good, [name, value]];
const ACCEPT = "Sec-WebSocket-Accept";
const EXTENSIONS = "Sec-WebSocket-Extensions";
const keyOf = (peer: Peer): string => fieldValues(peer.request, "sec-websocket-key")[0] ?? "";
const accept = (make: (key: string) => string) => (good: readonly Field[], peer: Peer) =>
  having(ACCEPT, make(keyOf(peer)))(good);

const GROUPS: readonly (readonly BadAnswer[])[] = [
  // 25.1 Status line.
  [
    ...[
      "200 OK",
      "204 No Content",
      "100 Continue",
      "102 Processing",
      "301 Moved Permanently",
      "302 Found",
      "400 Bad Request",
      "401 Unauthorized",
      "403 Forbidden",
      "404 Not Found",
      "426 Upgrade Required",
      "500 Internal Server Error",
      "503 Service Unavailable",
    ].map(
      (status): BadAnswer => ({
        what: `with the status ${status}`,
        section: S4_1,
        startLine: `HTTP/1.1 ${status}`,
      }),
    ),
    {
      what: "in HTTP/1.0",
      section: "RFC 9110 §15.2.2",
      startLine: "HTTP/1.0 101 Switching Protocols",
      isHarmless: true,
    },
    { what: "in HTTP/2.0", section: "RFC 9112 §2.3", startLine: "HTTP/2.0 101 Switching Protocols" },
    {
      what: "whose status has four digits",
      section: "RFC 9112 §4",
      startLine: "HTTP/1.1 1010 Switching Protocols",
    },
    { what: "that is no HTTP", section: "RFC 9112 §4", startLine: "hello" },
    { what: "in the protocol ICY", section: "RFC 9112 §4", startLine: "ICY 101 Switching Protocols" },
  ],
  // 25.2 Upgrade and Connection.
  [
    { what: "without Upgrade", section: S4_1, change: drop("Upgrade") },
    { what: "with Upgrade: h2c", section: S4_1, change: having("Upgrade", "h2c") },
    { what: "with an empty Upgrade", section: S4_1, change: having("Upgrade", "") },
    { what: "with Upgrade: websocket2", section: S4_1, change: having("Upgrade", "websocket2") },
    { what: "without Connection", section: S4_1, change: drop("Connection") },
    { what: "with Connection: close", section: S4_1, change: having("Connection", "close") },
    { what: "with Connection: keep-alive", section: S4_1, change: having("Connection", "keep-alive") },
  ],
  // 25.3 Sec-WebSocket-Accept.
  [
    { what: "without Sec-WebSocket-Accept", section: S4_1, change: drop(ACCEPT) },
    { what: "with an empty Sec-WebSocket-Accept", section: S4_1, change: having(ACCEPT, "") },
    { what: "that gives back the key", section: S4_1, change: accept((key) => key) },
    {
      what: "with the accept of another key",
      section: S4_1,
      change: accept(() => acceptFor("AAAAAAAAAAAAAAAAAAAAAA==")),
    },
    {
      what: "with its accept in lower case",
      section: S4_1,
      change: accept((key) => `${acceptFor(key).toLowerCase()}x`.slice(0, 28)),
    },
    {
      what: "with its accept cut short",
      section: S4_1,
      change: accept((key) => acceptFor(key).slice(0, -1)),
    },
    {
      what: "with a character too many in its accept",
      section: S4_1,
      change: accept((key) => `${acceptFor(key)}A`),
    },
    { what: "with its accept in quotes", section: S4_1, change: accept((key) => `"${acceptFor(key)}"`) },
    { what: "with the accept of an empty key", section: S4_1, change: accept(() => acceptFor("")) },
    {
      what: "with two different accepts",
      section: "RFC 6455 §11.3.3",
      change: also(ACCEPT, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    },
  ],
  // 25.4 What was not asked for.
  [
    {
      what: "with a subprotocol that was not offered",
      section: S4_1,
      change: also("Sec-WebSocket-Protocol", "never-offered"),
    },
    {
      what: "with two subprotocols",
      section: S4_1,
      change: also("Sec-WebSocket-Protocol", "never-offered, other"),
    },
    {
      what: "with an extension that was not offered",
      section: S4_1,
      change: also(EXTENSIONS, "x-never-offered"),
    },
    {
      what: "with an extension that was not offered, with parameters",
      section: S4_1,
      change: also(EXTENSIONS, "x-never-offered; a=1"),
    },
    {
      what: "with extensions that are malformed",
      section: "RFC 6455 §9.1",
      change: also(EXTENSIONS, "permessage-deflate; ="),
    },
    {
      what: "with half a parameter",
      section: "RFC 6455 §9.1",
      change: also(EXTENSIONS, 'permessage-deflate; server_max_window_bits="10'),
    },
  ],
  // 25.5 Parameters of permessage-deflate.
  [
    ...["7", "16", "0", "08", "abc", "1e1", "-9"].map(
      (value): BadAnswer => deflate(`server_max_window_bits=${value}`),
    ),
    ...["7", "16", "09"].map((value): BadAnswer => deflate(`client_max_window_bits=${value}`)),
    deflate("server_max_window_bits"),
    { ...deflate("client_max_window_bits"), isHarmless: true },
    deflate("server_no_context_takeover=1"),
    deflate("client_no_context_takeover=true"),
    deflate("server_no_context_takeover; server_no_context_takeover"),
    deflate("server_max_window_bits=10; server_max_window_bits=10"),
    deflate("unknown_parameter"),
    { ...deflate("client_max_window_bits=10"), needsOffer: { without: "client_max_window_bits" } },
    {
      what: "that accepts permessage-deflate twice",
      section: "RFC 7692 §7",
      change: also(EXTENSIONS, "permessage-deflate, permessage-deflate"),
      needsOffer: {},
    },
  ],
  // 25.6 Heads that are no heads.
  [
    {
      what: "with a space before a colon",
      section: "RFC 9112 §5.1",
      change: also("X-Field ", "value"),
      isHarmless: true,
    },
    {
      what: "with a line that has no colon",
      section: "RFC 9112 §5",
      raw: (head) => head.replace("\r\n\r\n", "\r\nnothing\r\n\r\n"),
    },
    {
      what: "with NUL in a value",
      section: "RFC 9110 §5.5",
      change: also("X-Field", "a\0b"),
      isHarmless: true,
    },
    { what: "with a field name that is empty", section: "RFC 9110 §5.1", change: also("", "value") },
    { what: "behind a line of noise", section: "RFC 9112 §4", raw: (head) => `noise\r\n${head}` },
    { what: "behind a WebSocket frame", section: S4_1, raw: (head) => `\x81\x02hi${head}` },
    { what: "of which only a frame comes", section: S4_1, raw: () => "\x81\x05Hello\r\n\r\n" },
  ],
];

function deflate(parameters: string): BadAnswer {
  return {
    what: `that accepts permessage-deflate with ${parameters}`,
    section: "RFC 7692 §7.1",
    change: also(EXTENSIONS, `permessage-deflate; ${parameters}`),
    needsOffer: {},
  };
}

/** 25: answers that a client has to refuse. */
export const ANSWERS: readonly ConformanceCase[] = [
  ...GROUPS.flatMap((group, i) =>
    group.map((bad, j) =>
      conformanceCase({
        id: `25.${i + 1}.${j + 1}`,
        section: bad.section,
        expectation: `An answer ${bad.what} fails the connection before it is open.`,
        roles: "client",
        async run(peer) {
          if (bad.needsOffer !== undefined) checkOffer(peer, bad.needsOffer.without);
          await answer(peer, bad);
          return expectRefusal(peer, bad.isHarmless === true);
        },
      }),
    ),
  ),
  ...[
    ["fields that do not end", "X-Field: value\r\n"],
    ["a field that does not end", "a"],
  ].map(([what, unit], i) =>
    conformanceCase({
      id: `25.7.${i + 1}`,
      section: "RFC 6455 §10.4",
      expectation: `An answer with ${what} is given up before it takes any memory worth the name.`,
      roles: "client",
      async run(peer) {
        await peer.connect();
        peer.startFrames();
        await peer.writeText("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX-Endless: ");
        const chunk = Buffer.alloc(16_384, unit!);
        for (let sent = 0; sent < 4_194_304 && !peer.hasEnded; sent += chunk.length) {
          await peer.writeText(chunk);
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        const event = await peer.nextWithin(500, "the end of the transport");
        if (event?.type === "end") return undefined;
        throw new CaseFailure("after 4 MiB of it the client still listens");
      },
    }),
  ),
  conformanceCase({
    id: "25.7.3",
    section: S4_1,
    expectation: "A transport that ends within the head of an answer is given up.",
    roles: "client",
    async run(peer) {
      await peer.connect();
      peer.startFrames();
      await peer.writeText("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n");
      peer.end();
      return expectRefusal(peer, false);
    },
  }),
];

function checkOffer(peer: Peer, without: string | undefined): void {
  const [offer] = peer.deflateOffers;
  if (offer === undefined) throw new NotNegotiated("the client does not offer permessage-deflate");
  if (without !== undefined && offer.parameters.has(without))
    throw new NotNegotiated(`the client offers ${without}`);
}

async function answer(peer: Peer, { startLine, change, raw }: BadAnswer): Promise<void> {
  await peer.connect();
  peer.startFrames();
  const good = peer.answerFields();
  const isSwitch = startLine === undefined || startLine.includes("101") || startLine === "hello";
  const fields = [...(change?.(good, peer) ?? good)];
  if (!isSwitch) fields.push(["Content-Length", "0"]);
  const head = headText(startLine ?? "HTTP/1.1 101 Switching Protocols", fields);
  await peer.writeText(raw?.(head) ?? head);
  // What a client that is deceived would echo.
  peer.write(peer.frame({ opcode: OPCODE.text, payload: Buffer.from("deceived") }));
}

async function expectRefusal(peer: Peer, isHarmless: boolean): Promise<Outcome | undefined> {
  const event = await peer.nextWithin(GIVING_UP_MS, "the client to give up");
  if (event === undefined) {
    throw new CaseFailure(
      "the client does not use the connection, but leaves its transport open (RFC 6455 §7.1.7)",
    );
  }
  if (event.type === "end") return undefined;
  if (event.type === "close")
    return nonStrict("it sends a close frame, though the connection was never open");
  if (event.type === "illegal") throw new CaseFailure(`the client ${eventWords(event)}`);
  if (isHarmless) return nonStrict("it accepts the answer");
  throw new CaseFailure(`the client accepts the answer: it ${eventWords(event)}`);
}
