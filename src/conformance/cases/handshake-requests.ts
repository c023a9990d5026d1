import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { expectEchoes, expectGoodbye, text } from "../expectations.js";
import { acceptFor, fieldValues, type HttpHead, newKey, statusOf } from "../http-head.js";
import { CaseFailure, nonStrict, type Outcome } from "../outcome.js";
import type { Peer } from "../peer.js";
import {
  BAD_REQUESTS,
  type BadRequest,
  type Field,
  type RequestParts,
  S4_2_1,
  UNUSUAL_REQUESTS,
} from "./opening-requests.js";

/** The fields of a good request, by name. */
function goodFields(peer: Peer, key: string): Field[] {
  return [
    ["Host", peer.target.host],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", "13"],
  ];
}

/** 20: requests that a server has to refuse, and unusual ones that it has to take. */
export const HANDSHAKE_REQUESTS: readonly ConformanceCase[] = [
  ...BAD_REQUESTS.flatMap((group, i) => group.map((bad, j) => refusalCase(`20.${i + 1}.${j + 1}`, bad))),
  ...UNUSUAL_REQUESTS.map(([what, change], i) =>
    conformanceCase({
      id: `20.7.${i + 1}`,
      section: S4_2_1,
      expectation: `A request ${what} is accepted.`,
      roles: "server",
      async run(peer) {
        const key = newKey();
        const head = await request(peer, change, key);
        if (head === undefined) throw new CaseFailure("the server ended the transport without an answer");
        if (statusOf(head) !== 101)
          throw new CaseFailure(`the server answers ${JSON.stringify(head.startLine)}`);
        if (fieldValues(head, "sec-websocket-accept").join() !== acceptFor(key)) {
          throw new CaseFailure("Sec-WebSocket-Accept is not the one for the key");
        }
        peer.write(peer.message(true, "Hello"));
        await expectEchoes(peer, [text("Hello")]);
        return expectGoodbye(peer);
      },
    }),
  ),
  oversize("20.8.1", "a field of 128 KiB", () => `X-Field: ${"a".repeat(131_072)}\r\n\r\n`),
  oversize("20.8.2", "5,000 fields", () => `${"X-Field: a\r\n".repeat(5_000)}\r\n`),
  oversize("20.8.3", "a cookie of 1 MiB that does not end", () => `Cookie: ${"a".repeat(1_048_576)}`),
  oversize("20.8.4", "fields without end", () => "X-Field: value\r\n".repeat(65_536)),
  ...[
    ["a TLS ClientHello", Buffer.from("1603010200010001fc0303", "hex")],
    ["the preface of HTTP/2", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")],
    ["a WebSocket frame", Buffer.from("818537fa213d7f9f4d5158", "hex")],
    ["random bytes", Buffer.from("00ff10807f0d0aff0d0a0d0a", "hex")],
  ].map(([what, bytes], i) =>
    conformanceCase({
      id: `20.9.${i + 1}`,
      section: "RFC 9112 §2.2",
      expectation: `A connection that begins with ${what} is refused.`,
      roles: "server",
      async run(peer) {
        await peer.connect();
        await peer.writeText(Buffer.concat([bytes as Buffer, Buffer.from("\r\n\r\n")]));
        return judgeRefusal(await peer.readHead(), {});
      },
    }),
  ),
];

async function request(peer: Peer, change: BadRequest["change"], key: string): Promise<HttpHead | undefined> {
  const good: RequestParts = {
    line: (path) => `GET ${path} HTTP/1.1`,
    fields: goodFields(peer, key),
    newline: "\r\n",
    body: "",
  };
  const { line, fields, newline, body } = { ...good, ...change(good) };
  const lines = [
    line(peer.target.path),
    // A value that begins with NUL has no space before it.
    ...fields.map(([name, value]) =>
      value.startsWith("\0") ? `${name}:${value.slice(1)}` : `${name}: ${value}`,
    ),
  ];
  await peer.connect();
  await peer.writeText(`${lines.join(newline)}${newline}${newline}${body}`);
  return peer.readHead();
}

function refusalCase(id: string, bad: BadRequest): ConformanceCase {
  return conformanceCase({
    id,
    section: bad.section,
    expectation: `A request ${bad.what} is refused.`,
    roles: "server",
    async run(peer) {
      return judgeRefusal(await request(peer, bad.change, newKey()), bad);
    },
  });
}

function judgeRefusal(
  head: HttpHead | undefined,
  { isHarmless = false, statuses, demands }: Partial<BadRequest>,
): Outcome | undefined {
  if (head === undefined) return nonStrict("it ends the transport without an answer");
  const status = statusOf(head);
  if (status === undefined) throw new CaseFailure(`the answer is no HTTP: ${JSON.stringify(head.startLine)}`);
  if (status === 101) {
    if (isHarmless) return nonStrict("it accepts the request");
    throw new CaseFailure("the server accepts the request");
  }
  if (status < 300)
    throw new CaseFailure(`the server answers ${JSON.stringify(head.startLine)}, which is no refusal`);
  if (demands !== undefined && fieldValues(head, demands).length === 0) {
    throw new CaseFailure(`the refusal (${status}) has no ${demands}`);
  }
  const isMeant = statuses?.includes(status) ?? (status < 500 || status === 501 || status === 505);
  if (!isMeant)
    return nonStrict(
      `it refuses with ${status}${statuses === undefined ? "" : `; ${statuses.join(" or ")} is meant for this`}`,
    );
  return undefined;
}

function oversize(id: string, what: string, tail: () => string): ConformanceCase {
  return conformanceCase({
    id,
    section: "RFC 6585 §5, RFC 6455 §10.4",
    expectation: `A request with ${what} is refused before it takes any memory worth the name.`,
    roles: "server",
    async run(peer) {
      await peer.connect();
      const start = peer.requestText().slice(0, -2);
      await peer.writeText(start + tail(), [16_384]);
      const head = await peer.readHead();
      if (head === undefined) return nonStrict("it ends the transport without an answer");
      const status = statusOf(head);
      if (status === 101) return nonStrict("it accepts the request");
      if (status === 431 || status === 400 || status === 413) return undefined;
      return nonStrict(`it refuses with ${status}; 431 is meant for this`);
    },
  });
}
