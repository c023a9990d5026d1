import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HandshakeError } from "#core/hawser-error.js";
import {
  acceptDeflateOffer,
  deflateOffer,
  type WindowBits,
} from "#protocol/extensions/deflate-negotiation.js";
import { acceptKey } from "#protocol/handshake/accept-key.js";
import {
  assertProtocols,
  type ExpectedResponse,
  type HandshakeResponse,
  readResponse,
  requestHead,
} from "#protocol/handshake/client-handshake.js";
import { HeaderList } from "#protocol/handshake/header-list.js";
import { acceptHead, chooseProtocol, readRequest } from "#protocol/handshake/server-handshake.js";
import { ACCEPT, assertMisuse, assertRefused, KEY, parseRequest, parseResponse } from "./heads.js";

const INPUT = { target: "/", host: "example.com", key: KEY };
const EXPECTED: ExpectedResponse = { acceptKey: ACCEPT, protocols: ["chat", "other"], deflateOffer: {} };

const FIELDS: Readonly<Record<string, string>> = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Accept": ACCEPT,
};

type Changes = Readonly<Record<string, string | readonly string[] | undefined>>;

function respond(
  changes: Changes = {},
  expected: Partial<ExpectedResponse> = {},
  line: { status?: number; httpVersion?: "1.0" | "1.1" } = {},
): HandshakeResponse | HandshakeError {
  const raw: string[] = [];
  for (const [name, values] of Object.entries({ ...FIELDS, ...changes })) {
    for (const value of values === undefined ? [] : [values].flat()) raw.push(name, value);
  }
  const head = {
    status: 101,
    reason: "",
    httpVersion: "1.1" as const,
    ...line,
    headers: new HeaderList(raw),
  };
  return readResponse(head, { ...EXPECTED, ...expected });
}

function accepted(result: HandshakeResponse | HandshakeError): HandshakeResponse {
  assert.ok(!(result instanceof HandshakeError), "must be accepted");
  return result;
}

describe("requestHead", () => {
  it("writes the request of RFC 6455 §4.1", () => {
    assert.equal(
      requestHead({
        target: "/chat?a=b",
        host: "[::1]:8080",
        key: KEY,
        protocols: ["chat", "other"],
        extensions: deflateOffer({}),
        origin: "https://example.com",
        headers: ["Authorization", "Bearer x"],
      }),
      `GET /chat?a=b HTTP/1.1\r\nHost: [::1]:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, other\r\n` +
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" +
        "Origin: https://example.com\r\nAuthorization: Bearer x\r\n\r\n",
    );
  });

  it("leaves out what is not offered", () => {
    const { headers } = parseRequest(requestHead({ ...INPUT, extensions: "" }));
    for (const name of ["protocol", "extensions"]) assert.equal(headers.has(`sec-websocket-${name}`), false);
    assert.equal(headers.has("origin"), false);
  });

  it("refuses every input that would split the head or make it false", () => {
    for (const target of ["", "a", "http://a/", "/a b", "/a\r\nX: y", "/a#b", "/\xe9"]) {
      assertMisuse(() => requestHead({ ...INPUT, target }), "INVALID_URL");
    }
    for (const host of ["", "a b", "a\r\nX: y", "user@a", "a:99999"]) {
      assertMisuse(() => requestHead({ ...INPUT, host }), "INVALID_URL");
    }
    for (const key of ["", "short==", `${KEY}\r\n`]) {
      assertMisuse(() => requestHead({ ...INPUT, key }), "INVALID_OPTION");
    }
    for (const protocols of [[""], ["a b"], ["a,b"], ["a\r\nX: y"], ["a", "a"], [1 as unknown as string]]) {
      assertMisuse(() => requestHead({ ...INPUT, protocols }), "INVALID_PROTOCOL_NAME");
      assertMisuse(() => assertProtocols(protocols), "INVALID_PROTOCOL_NAME");
    }
    for (const extensions of ["a\r\nX: y", "a;;b"]) {
      assertMisuse(() => requestHead({ ...INPUT, extensions }), "INVALID_HEADER");
    }
    assertMisuse(() => requestHead({ ...INPUT, origin: "https://a\r\nX: y" }), "INVALID_HEADER");
    const refused: [string, string][] = [
      ["A", "b\r\nX: y"],
      ["A\r\nX", "y"],
      ["A", "\u010a"],
      ["host", "b"],
      ["Upgrade", "b"],
      ["connection", "b"],
      ["Origin", "b"],
      ["Content-Length", "1"],
      ["Transfer-Encoding", "chunked"],
      ["Sec-WebSocket-Key", KEY],
      ["sec-websocket-protocol", "b"],
    ];
    for (const headers of refused) assertMisuse(() => requestHead({ ...INPUT, headers }), "INVALID_HEADER");
  });
});

describe("readResponse", () => {
  it("takes an answer without subprotocol and extensions", () => {
    const { headers, ...rest } = accepted(respond());
    assert.deepEqual(rest, { protocol: undefined, deflate: undefined, extensions: "" });
    assert.equal(headers.get("upgrade"), "websocket");
  });

  it("takes an answer with both", () => {
    const extensions = "permessage-deflate; server_no_context_takeover; client_max_window_bits=10";
    const read = accepted(
      respond({
        UPGRADE: undefined,
        Upgrade: "WebSocket",
        Connection: "keep-alive, upgrade",
        "Sec-WebSocket-Accept": ` ${ACCEPT}\t`,
        "Sec-WebSocket-Protocol": "other",
        "Sec-WebSocket-Extensions": extensions,
      }),
    );
    assert.equal(read.protocol, "other");
    assert.equal(read.extensions, extensions);
    assert.deepEqual(read.deflate, {
      serverNoContextTakeover: true,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 15,
      clientMaxWindowBits: 10,
    });
  });

  it("looks at the status first, and hands on the status and the fields", () => {
    const result = respond(
      { Upgrade: undefined, "Retry-After": "3" },
      {},
      { status: 503, httpVersion: "1.0" },
    );
    assertRefused(result, "UNEXPECTED_STATUS", 503);
    assert.equal(new HeaderList(result.headers).get("retry-after"), "3");
  });

  it("refuses a 101 in HTTP/1.0", () => {
    assertRefused(respond({}, {}, { httpVersion: "1.0" }), "HTTP_VERSION", 101);
  });

  const accept = "Sec-WebSocket-Accept";
  const protocol = "Sec-WebSocket-Protocol";
  const extensions = "Sec-WebSocket-Extensions";
  const refused: [string, Changes, string, Partial<ExpectedResponse>?][] = [
    ["no Upgrade", { Upgrade: undefined }, "INVALID_UPGRADE"],
    ["another Upgrade", { Upgrade: "h2c" }, "INVALID_UPGRADE"],
    ["a list in Upgrade", { Upgrade: "websocket, h2c" }, "INVALID_UPGRADE"],
    ["two Upgrades", { Upgrade: ["websocket", "websocket"] }, "INVALID_UPGRADE"],
    ["no Connection", { Connection: undefined }, "INVALID_CONNECTION"],
    ["another Connection", { Connection: "close" }, "INVALID_CONNECTION"],
    ["no Accept", { [accept]: undefined }, "INVALID_ACCEPT"],
    ["another Accept", { [accept]: "HSmrc0sMlYUkAGmm5OPpG2HaGWk=" }, "INVALID_ACCEPT"],
    ["an Accept in another case", { [accept]: ACCEPT.toLowerCase() }, "INVALID_ACCEPT"],
    ["an Accept with U+00A0 around it", { [accept]: `\xa0${ACCEPT}` }, "INVALID_ACCEPT"],
    ["two Accepts", { [accept]: [ACCEPT, ACCEPT] }, "INVALID_ACCEPT"],
    ["two protocols", { [protocol]: ["chat", "other"] }, "INVALID_PROTOCOLS"],
    ["a list of protocols", { [protocol]: "chat, other" }, "UNREQUESTED_PROTOCOL"],
    ["a protocol in another case", { [protocol]: "Chat" }, "UNREQUESTED_PROTOCOL"],
    ["an empty protocol", { [protocol]: "" }, "UNREQUESTED_PROTOCOL"],
    ["a protocol where none was offered", { [protocol]: "chat" }, "UNREQUESTED_PROTOCOL", { protocols: [] }],
    ["no protocol where one is required", {}, "MISSING_PROTOCOL", { requireProtocol: true }],
    ["malformed extensions", { [extensions]: "a;" }, "INVALID_EXTENSIONS"],
    ["another extension", { [extensions]: "x-other" }, "UNREQUESTED_EXTENSION"],
    [
      "an extension where none was offered",
      { [extensions]: "permessage-deflate" },
      "UNREQUESTED_EXTENSION",
      { deflateOffer: undefined },
    ],
    ["deflate twice", { [extensions]: ["permessage-deflate", "permessage-deflate"] }, "INVALID_EXTENSIONS"],
  ];
  for (const [what, changes, code, expected] of refused) {
    it(`refuses ${what}`, () => {
      const result = respond(changes, expected);
      assertRefused(result, code, 101);
      assert.ok(result.headers.length > 0);
    });
  }

  it("requires no subprotocol where none was offered", () => {
    accepted(respond({}, { protocols: [], requireProtocol: true }));
  });

  it("never throws, whatever the fields are", () => {
    const names = fc.constantFrom(...Object.keys(FIELDS), protocol, extensions, "__proto__");
    const fields = fc.array(fc.tuple(names, fc.string({ unit: "binary" })));
    fc.assert(
      fc.property(fields, (list) => {
        const raw = [...Object.entries(FIELDS), ...list].flat();
        readResponse({ status: 101, reason: "", httpVersion: "1.1", headers: new HeaderList(raw) }, EXPECTED);
      }),
    );
  });
});

describe("client and server", () => {
  const sha1Base64 = (text: string): string => createHash("sha1").update(text).digest("base64");
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,10}$/);
  const bits = fc.constantFrom<WindowBits[]>(8, 9, 10, 11, 12, 13, 14, 15);
  const options = fc.record({
    serverNoContextTakeover: fc.boolean(),
    clientNoContextTakeover: fc.boolean(),
    serverMaxWindowBits: bits,
    clientMaxWindowBits: fc.oneof(bits, fc.boolean()),
  });
  const plainToken = fc.stringMatching(/^X-[0-9A-Za-z]{1,10}$/);
  const value = fc.stringMatching(/^[!-~\u0080-\u00ff]{0,20}$/);

  it("agree on every handshake that either of them builds", () => {
    fc.assert(
      fc.property(
        fc.record({
          target: fc.stringMatching(/^\/[!"$-~]{0,20}$/),
          key: fc.uint8Array({ minLength: 16, maxLength: 16 }),
          protocols: fc.uniqueArray(token, { maxLength: 4 }),
          supported: fc.array(token, { maxLength: 2 }),
          headers: fc.array(fc.tuple(plainToken, value), { maxLength: 4 }),
          offered: fc.option(options, { nil: undefined }),
          accepting: options,
        }),
        ({ target, key: bytes, protocols, supported, headers, offered, accepting }) => {
          const key = Buffer.from(bytes).toString("base64");
          const extensions = offered === undefined ? undefined : deflateOffer(offered);
          const text = requestHead({
            target,
            host: "a:1",
            key,
            protocols,
            extensions,
            headers: headers.flat(),
          });
          const request = readRequest(parseRequest(text));
          assert.ok(!(request instanceof HandshakeError));
          assert.equal(request.target, target);
          assert.equal(request.key, key);
          assert.deepEqual(request.protocols, protocols);

          const protocol = chooseProtocol(request.protocols, [...supported, ...protocols.slice(-1)]);
          const deflate = acceptDeflateOffer(request.extensions, accepting);
          const answer = acceptHead({
            acceptKey: acceptKey(request.key, sha1Base64),
            protocol,
            extensions: deflate?.response,
            headers: headers.flat(),
          });
          const response = readResponse(parseResponse(answer), {
            acceptKey: acceptKey(key, sha1Base64),
            protocols,
            requireProtocol: true,
            deflateOffer: offered,
          });
          assert.ok(!(response instanceof HandshakeError), "the client must accept");
          assert.equal(response.protocol, protocol);
          assert.deepEqual(response.deflate, deflate?.parameters);
        },
      ),
      { numRuns: 500 },
    );
  });
});
