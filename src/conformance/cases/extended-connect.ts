import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { constants } from "node:http2";
import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectGoodbye } from "../expectations.js";
import { buildFrame, closePayload, OPCODE } from "../frame.js";
import { headText } from "../http-head.js";
import { CaseFailure, nonStrict, type Outcome } from "../outcome.js";
import type { Peer } from "../peer.js";

/** How long an answer, or the end of a stream, may take. */
const ANSWER_MS = 2_000;
/** How long a client may take to give up after an answer that refuses it. */
const GIVING_UP_MS = 2_000;
const CONNECT = "RFC 8441 §4";
const BOOTSTRAP = "RFC 8441 §5";
const MASK: Uint8Array = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

/** Requests that a server has to refuse, made of a good one. */
const BAD_REQUESTS: readonly (readonly [
  what: string,
  section: string,
  change: OutgoingHttpHeaders,
  status?: number,
])[] = [
  ["with another :protocol", CONNECT, { ":protocol": "connect-udp" }, 501],
  ["with a :protocol that is nobody's", CONNECT, { ":protocol": "websockets" }, 501],
  ["with an empty :protocol", CONNECT, { ":protocol": "" }],
  ["without Sec-WebSocket-Version", BOOTSTRAP, { "sec-websocket-version": undefined }],
  ["with Sec-WebSocket-Version 8", BOOTSTRAP, { "sec-websocket-version": "8" }],
  ["with a :scheme that is none of HTTP", CONNECT, { ":scheme": "ftp" }],
  ["with a :path that is none", CONNECT, { ":path": "chat" }],
  ["with a :path that has a fragment", "RFC 6455 §3", { ":path": "/#top" }],
  ["with another method", CONNECT, { ":method": "GET", ":protocol": undefined }],
  ["with Sec-WebSocket-Protocol that names one twice", "RFC 6455 §4.1", { "sec-websocket-protocol": "a, a" }],
];

const REFUSALS = [301, 307, 400, 401, 403, 404, 407, 426, 500, 503];

/** 29: what is the same in no other transport. */
export const EXTENDED_CONNECT: readonly ConformanceCase[] = [
  server("29.1.1", CONNECT, "An extended CONNECT is answered with 200.", async (session, peer) => {
    const { status } = await answered(request(session, peer));
    if (status === 200) return undefined;
    if (status >= 200 && status <= 299) return nonStrict(`it answers with ${status}`);
    throw new CaseFailure(`it answers with ${status}`);
  }),
  server(
    "29.1.2",
    BOOTSTRAP,
    "The answer has no Upgrade, no Connection and no Sec-WebSocket-Accept.",
    async (session, peer) => {
      const { names } = await answered(request(session, peer));
      const foreign = names.filter((name) =>
        ["upgrade", "connection", "sec-websocket-accept"].includes(name),
      );
      if (foreign.length > 0) return nonStrict(`it has ${foreign.join(", ")}`);
      return undefined;
    },
  ),
  server(
    "29.1.3",
    BOOTSTRAP,
    "A Sec-WebSocket-Key is not processed: a bad one does no harm.",
    async (session, peer) => {
      const { status } = await answered(request(session, peer, { "sec-websocket-key": "bad" }));
      if (status !== 200) throw new CaseFailure(`it answers with ${status}`);
      return undefined;
    },
  ),
  ...BAD_REQUESTS.map(([what, section, change, meant], i) =>
    server(`29.2.${i + 1}`, section, `An extended CONNECT ${what} is refused.`, async (session, peer) => {
      const stream = request(session, peer, change);
      const outcome = await Promise.race([answered(stream), closedOf(stream)]);
      // RFC 9113 §8.1.1: so a request that is malformed may be answered.
      if (outcome === constants.NGHTTP2_PROTOCOL_ERROR) return undefined;
      if (typeof outcome === "number")
        return nonStrict(`it resets the stream (${outcome}) without an answer`);
      if (change[":method"] === "GET") return undefined; // an ordinary request: what is there is no matter of ours
      if (outcome.status < 300) throw new CaseFailure(`it answers with ${outcome.status}`);
      if (meant !== undefined && outcome.status !== meant)
        return nonStrict(`it refuses with ${outcome.status}; ${meant} is meant for this (RFC 9220 §3)`);
      return undefined;
    }),
  ),
  server(
    "29.2.20",
    CONNECT,
    "A refused stream leaves the others of its session alone.",
    async (session, peer) => {
      const open = request(session, peer);
      await answered(open);
      const refused = request(session, peer, { "sec-websocket-version": "8" });
      await Promise.race([answered(refused), closedOf(refused)]);
      return expectEcho(open, "still here");
    },
  ),
  server("29.3.1", BOOTSTRAP, "A clean close ends with END_STREAM, and no reset.", async (session, peer) => {
    const stream = request(session, peer);
    await answered(stream);
    stream.resume();
    stream.once("end", () => stream.end());
    stream.write(masked(OPCODE.close, closePayload(1000)));
    const code = await closedOf(stream);
    if (code !== constants.NGHTTP2_NO_ERROR) throw new CaseFailure(`the stream ends with the error ${code}`);
    if (session.closed) return nonStrict("and the session with it");
    return undefined;
  }),
  server("29.3.2", BOOTSTRAP, "A stream that is reset leaves its siblings alone.", async (session, peer) => {
    const [open, reset] = [request(session, peer), request(session, peer)];
    await Promise.all([answered(open), answered(reset)]);
    reset.write(masked(OPCODE.text, Buffer.from("half a")).subarray(0, 8));
    reset.close(constants.NGHTTP2_CANCEL);
    return expectEcho(open, "still here");
  }),
  server(
    "29.3.3",
    "RFC 9113 §5.2",
    "A stream that is not read does not hold up its siblings.",
    async (session, peer) => {
      const [open, unread] = [request(session, peer), request(session, peer)];
      await Promise.all([answered(open), answered(unread)]);
      unread.pause();
      // More than its window, and not more than what comes back.
      const echo = masked(OPCODE.binary, Buffer.alloc(60_000));
      for (let i = 0; i < 8; i++) unread.write(echo);
      return expectEcho(open, "still here");
    },
  ),
  conformanceCase({
    id: "29.4.1",
    section: CONNECT,
    expectation: "The request of a client is an extended CONNECT with all its pseudo header fields.",
    roles: "client",
    async run(peer) {
      await peer.open();
      const { [":scheme"]: scheme, ...fields } = peer.connectFields ?? {};
      for (const [name, pattern] of [
        [":method", /^CONNECT$/],
        [":protocol", /^websocket$/],
        [":path", /^\//],
        [":authority", /./],
      ] as const) {
        const value = String(fields[name] ?? "");
        if (!pattern.test(value)) throw new CaseFailure(`${name} is ${JSON.stringify(value)}`);
      }
      if (scheme !== "http" && scheme !== "https") throw new CaseFailure(`:scheme is ${scheme}`);
      return expectGoodbye(peer);
    },
  }),
  conformanceCase({
    id: "29.4.2",
    section: BOOTSTRAP,
    expectation: "The request of a client has no Upgrade, Connection, Host or Sec-WebSocket-Key.",
    roles: "client",
    async run(peer) {
      await peer.open();
      const foreign = ["upgrade", "connection", "host", "sec-websocket-key"].filter(
        (name) => peer.connectFields?.[name] !== undefined,
      );
      const outcome = await expectGoodbye(peer);
      return foreign.length > 0 ? nonStrict(`it has ${foreign.join(", ")}`) : outcome;
    },
  }),
  ...REFUSALS.map((status, i) =>
    conformanceCase({
      id: `29.5.${i + 1}`,
      section: BOOTSTRAP,
      expectation: `An answer with the status ${status} fails the connection before it is open.`,
      roles: "client",
      async run(peer) {
        await peer.connect();
        peer.startFrames();
        await peer.writeText(headText(`HTTP/1.1 ${status} No`, []));
        peer.write(peer.frame({ opcode: OPCODE.text, payload: Buffer.from("deceived") }));
        const event = await peer.nextWithin(GIVING_UP_MS, "the client to give up");
        if (event?.type === "end") return undefined;
        throw new CaseFailure(
          event === undefined ? "the client leaves its stream open" : "the client uses the stream",
        );
      },
    }),
  ),
];

function server(
  id: string,
  section: string,
  expectation: string,
  run: (session: ClientHttp2Session, peer: Peer) => Promise<Outcome | undefined>,
): ConformanceCase {
  return conformanceCase({
    id,
    section,
    expectation,
    roles: "server",
    async run(peer) {
      const session = await peer.target.connectSession!().catch((error: unknown) => {
        throw new CaseFailure(`no session: ${error instanceof Error ? error.message : error}`);
      });
      try {
        return await run(session, peer);
      } finally {
        session.destroy();
      }
    },
  });
}

function request(
  session: ClientHttp2Session,
  { target }: Peer,
  change: OutgoingHttpHeaders = {},
): ClientHttp2Stream {
  const fields: OutgoingHttpHeaders = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": session.encrypted === true ? "https" : "http",
    ":authority": target.host,
    ":path": target.path,
    "sec-websocket-version": "13",
    ...change,
  };
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const stream = session.request(given, { endStream: false });
  stream.on("error", () => {});
  return stream;
}

function answered(
  stream: ClientHttp2Stream,
): Promise<{ readonly status: number; readonly names: readonly string[] }> {
  return within("the answer", (resolve) => {
    stream.once("response", (fields) => {
      resolve({ status: Number(fields[":status"]), names: Object.keys(fields) });
    });
  });
}

/** The code that a stream ends with. */
function closedOf(stream: ClientHttp2Stream): Promise<number> {
  return within("the end of the stream", (resolve) => {
    stream.once("close", () => resolve(stream.rstCode ?? 0));
  });
}

async function expectEcho(stream: ClientHttp2Stream, text: string): Promise<undefined> {
  const expected = buildFrame({ opcode: OPCODE.text, payload: Buffer.from(text) });
  let received = Buffer.alloc(0);
  await within<undefined>("an echo", (resolve) => {
    stream.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= expected.length) resolve(undefined);
    });
    stream.write(masked(OPCODE.text, Buffer.from(text)));
  });
  if (!received.equals(expected)) throw new CaseFailure("the echo is another one");
  return undefined;
}

function masked(opcode: number, payload: Buffer): Buffer {
  return buildFrame({ opcode, payload, mask: MASK });
}

async function within<T>(what: string, begin: (resolve: (value: T) => void) => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new CaseFailure(`never came: ${what}`)), ANSWER_MS);
  });
  try {
    return await Promise.race([new Promise<T>(begin), late]);
  } finally {
    clearTimeout(timer);
  }
}
