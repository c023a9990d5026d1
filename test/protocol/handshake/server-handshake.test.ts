import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HandshakeError } from "#core/hawser-error.js";
import type { RequestHead } from "#protocol/handshake/head-parser.js";
import { HeaderList } from "#protocol/handshake/header-list.js";
import {
  acceptHead,
  chooseProtocol,
  type HandshakeRequest,
  readRequest,
  refusalHead,
} from "#protocol/handshake/server-handshake.js";
import { ACCEPT, assertMisuse, assertRefused, KEY, parseResponse } from "./heads.js";

const FIELDS: Readonly<Record<string, string>> = {
  Host: "example.com",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": KEY,
  "Sec-WebSocket-Version": "13",
};

/** A good request, with some of its fields replaced by none, one or several of the same name. */
function request(
  changes: Readonly<Record<string, string | readonly string[] | undefined>> = {},
  line: Partial<Omit<RequestHead, "headers">> = {},
): RequestHead {
  const raw: string[] = [];
  for (const [name, values] of Object.entries({ ...FIELDS, ...changes })) {
    for (const value of values === undefined ? [] : [values].flat()) raw.push(name, value);
  }
  return { method: "GET", target: "/", httpVersion: "1.1", ...line, headers: new HeaderList(raw) };
}

function accepted(head: RequestHead): HandshakeRequest {
  const result = readRequest(head);
  assert.ok(!(result instanceof HandshakeError), "must be accepted");
  return result;
}

describe("readRequest", () => {
  it("reads what a client says", () => {
    const head = request(
      {
        Origin: "https://example.com",
        "Sec-WebSocket-Protocol": ["chat.v2, chat.v1", "other"],
        "Sec-WebSocket-Extensions": ["permessage-deflate; client_max_window_bits", "x-other"],
      },
      { target: "/chat?room=1?&a=%20" },
    );
    assert.deepEqual(accepted(head), {
      key: KEY,
      host: "example.com",
      origin: "https://example.com",
      target: "/chat?room=1?&a=%20",
      path: "/chat",
      query: "room=1?&a=%20",
      protocols: ["chat.v2", "chat.v1", "other"],
      extensions: [
        { name: "permessage-deflate", parameters: [{ name: "client_max_window_bits", value: true }] },
        { name: "x-other", parameters: [] },
      ],
      headers: head.headers,
    });
  });

  it("has nothing for what a client does not say", () => {
    const { origin, query, protocols, extensions } = accepted(request());
    assert.deepEqual([origin, query, protocols, extensions], [undefined, "", [], []]);
  });

  it("takes any case, and lists with other elements", () => {
    accepted(request({ Upgrade: "HTTP/2.0, WebSocket", Connection: ["keep-alive", " , UPGRADE,"] }));
  });

  it("takes an explicit length of no body", () => {
    accepted(request({ "Content-Length": "0" }));
  });

  it("takes `__proto__` as a header, a subprotocol and an extension for what they are", () => {
    const fields: Record<string, string> = {
      "Sec-WebSocket-Protocol": "__proto__, constructor",
      "Sec-WebSocket-Extensions": "__proto__; constructor=toString",
    };
    Object.defineProperty(fields, "__proto__", { value: "evil", enumerable: true });
    const read = accepted(request(fields));
    assert.deepEqual(read.protocols, ["__proto__", "constructor"]);
    assert.deepEqual(read.extensions, [
      { name: "__proto__", parameters: [{ name: "constructor", value: "toString" }] },
    ]);
    assert.equal(read.headers.get("__proto__"), "evil");
  });

  const refusedLines: [string, Partial<Omit<RequestHead, "headers">>, string, number, string[]][] = [
    ["HTTP/1.0", { httpVersion: "1.0" }, "HTTP_VERSION", 505, []],
    ["POST", { method: "POST" }, "METHOD_NOT_ALLOWED", 405, ["Allow", "GET"]],
    ["a method in lower case", { method: "get" }, "METHOD_NOT_ALLOWED", 405, ["Allow", "GET"]],
    ["absolute form", { target: "http://example.com/" }, "INVALID_TARGET", 400, []],
    ["authority form", { target: "example.com:80" }, "INVALID_TARGET", 400, []],
    ["asterisk form", { target: "*" }, "INVALID_TARGET", 400, []],
    ["an empty target", { target: "" }, "INVALID_TARGET", 400, []],
    ["a fragment", { target: "/a#b" }, "INVALID_TARGET", 400, []],
    ["a space in the target", { target: "/a b" }, "INVALID_TARGET", 400, []],
    ["a line end in the target", { target: "/a\r\nb" }, "INVALID_TARGET", 400, []],
    ["latin1 in the target", { target: "/\xe9" }, "INVALID_TARGET", 400, []],
  ];
  for (const [what, line, code, status, headers] of refusedLines) {
    it(`refuses ${what} with ${status}`, () => {
      assertRefused(readRequest(request({}, line)), code, status, headers);
    });
  }

  const upgrade = ["Upgrade", "websocket"];
  const version = ["Sec-WebSocket-Version", "13"];
  const both = [...upgrade, ...version];
  type Values = string | readonly string[] | undefined;
  const refusedFields: [string, Record<string, Values>, string, number, string[]][] = [
    ["no Host", { Host: undefined }, "INVALID_HOST", 400, []],
    ["two Hosts", { Host: ["a", "a"] }, "INVALID_HOST", 400, []],
    ["an empty Host", { Host: "" }, "INVALID_HOST", 400, []],
    ["a Host with a path", { Host: "a/b" }, "INVALID_HOST", 400, []],
    ["a Host with user information", { Host: "u@a" }, "INVALID_HOST", 400, []],
    ["a Host with a bad port", { Host: "a:70000" }, "INVALID_HOST", 400, []],
    ["no Upgrade", { Upgrade: undefined }, "INVALID_UPGRADE", 426, upgrade],
    ["another Upgrade", { Upgrade: "h2c" }, "INVALID_UPGRADE", 426, upgrade],
    ["an Upgrade that only starts so", { Upgrade: "websocket2" }, "INVALID_UPGRADE", 426, upgrade],
    ["no Connection", { Connection: undefined }, "INVALID_CONNECTION", 400, []],
    ["another Connection", { Connection: "keep-alive" }, "INVALID_CONNECTION", 400, []],
    ["no key", { "Sec-WebSocket-Key": undefined }, "INVALID_KEY", 400, []],
    ["two keys", { "Sec-WebSocket-Key": [KEY, KEY] }, "INVALID_KEY", 400, []],
    ["a key of 15 bytes", { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA" }, "INVALID_KEY", 400, []],
    ["a key that is no base64", { "Sec-WebSocket-Key": "?".repeat(24) }, "INVALID_KEY", 400, []],
    [
      "a key that is not canonical",
      { "Sec-WebSocket-Key": KEY.replace("Q==", "R==") },
      "INVALID_KEY",
      400,
      [],
    ],
    ["no version", { "Sec-WebSocket-Version": undefined }, "UNSUPPORTED_VERSION", 426, both],
    ["version 8", { "Sec-WebSocket-Version": "8" }, "UNSUPPORTED_VERSION", 426, both],
    ["version 013", { "Sec-WebSocket-Version": "013" }, "UNSUPPORTED_VERSION", 426, both],
    ["a list of versions", { "Sec-WebSocket-Version": "13, 8" }, "UNSUPPORTED_VERSION", 426, both],
    ["two versions", { "Sec-WebSocket-Version": ["13", "13"] }, "UNSUPPORTED_VERSION", 400, version],
    ["a body", { "Content-Length": "5" }, "UNEXPECTED_BODY", 400, []],
    ["two lengths", { "Content-Length": ["0", "5"] }, "UNEXPECTED_BODY", 400, []],
    ["a length of several zeros", { "Content-Length": "00" }, "UNEXPECTED_BODY", 400, []],
    ["a negative length", { "Content-Length": "-0" }, "UNEXPECTED_BODY", 400, []],
    ["a chunked body", { "Transfer-Encoding": "chunked" }, "UNEXPECTED_BODY", 400, []],
    ["any transfer encoding", { "Transfer-Encoding": "" }, "UNEXPECTED_BODY", 400, []],
    ["two Origins", { Origin: ["https://a", "https://a"] }, "ORIGIN_NOT_ALLOWED", 403, []],
    ["an empty protocol list", { "Sec-WebSocket-Protocol": "" }, "INVALID_PROTOCOLS", 400, []],
    ["a protocol twice", { "Sec-WebSocket-Protocol": ["a, b", "a"] }, "INVALID_PROTOCOLS", 400, []],
    ["a protocol with a space", { "Sec-WebSocket-Protocol": "a b" }, "INVALID_PROTOCOLS", 400, []],
    ["malformed extensions", { "Sec-WebSocket-Extensions": "a;;b" }, "INVALID_EXTENSIONS", 400, []],
  ];
  for (const [what, fields, code, status, headers] of refusedFields) {
    it(`refuses ${what} with ${status}`, () => {
      assertRefused(readRequest(request(fields)), code, status, headers);
    });
  }

  it("can state each of its refusals as a head", () => {
    for (const [, fields] of refusedFields) {
      const error = readRequest(request(fields));
      assert.ok(error instanceof HandshakeError);
      const head = parseResponse(refusalHead({ status: error.status, headers: error.headers, bodyBytes: 0 }));
      assert.equal(head.status, error.status);
    }
  });

  it("never throws, whatever the fields are", () => {
    const name = fc.constantFrom(
      ...Object.keys(FIELDS),
      "Origin",
      "Sec-WebSocket-Protocol",
      "Content-Length",
    );
    const extension = fc.constant("Sec-WebSocket-Extensions");
    const value = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...Object.values(FIELDS)));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(name, extension), value)), fc.string(), (fields, target) => {
        const raw = [...Object.entries(FIELDS), ...fields].flat();
        for (const headers of [new HeaderList(raw), new HeaderList(fields.flat())]) {
          readRequest({ method: "GET", target: `/${target}`, httpVersion: "1.1", headers });
        }
      }),
    );
  });
});

describe("acceptHead", () => {
  it("writes the 101 of RFC 6455 §4.2.2", () => {
    assert.equal(
      acceptHead({
        acceptKey: ACCEPT,
        protocol: "chat",
        extensions: "permessage-deflate",
        headers: ["Set-Cookie", "a=b"],
      }),
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Protocol: chat\r\n` +
        "Sec-WebSocket-Extensions: permessage-deflate\r\nSet-Cookie: a=b\r\n\r\n",
    );
  });

  it("leaves out what was not chosen", () => {
    const head = parseResponse(acceptHead({ acceptKey: ACCEPT, extensions: "" }));
    assert.deepEqual(
      head.headers.raw.filter((_, i) => i % 2 === 0),
      ["Upgrade", "Connection", "Sec-WebSocket-Accept"],
    );
  });

  it("refuses header fields that would split the head or contradict it", () => {
    const refused: string[][] = [
      ["A", "b\r\nX: y"],
      ["A", "b\nX: y"],
      ["A", "b\0"],
      ["A", "\u010d\u010a"], // would become CR LF if cut down to latin1
      ["A\r\nX", "b"],
      ["A ", "b"],
      ["", "b"],
      ["A"],
      ["Upgrade", "h2c"],
      ["CONNECTION", "close"],
      ["Content-Length", "1"],
      ["transfer-encoding", "chunked"],
      ["Sec-WebSocket-Accept", "x"],
      ["sec-websocket-anything", "x"],
      ["A", 1 as unknown as string],
      [Symbol("a") as unknown as string, "b"],
    ];
    for (const headers of refused) {
      assertMisuse(() => acceptHead({ acceptKey: ACCEPT, headers }), "INVALID_HEADER");
    }
    assertMisuse(() => acceptHead({ acceptKey: "a\r\nb" }), "INVALID_HEADER");
    assertMisuse(() => acceptHead({ acceptKey: ACCEPT, extensions: "a\r\nb" }), "INVALID_HEADER");
  });

  it("refuses a subprotocol that is no token", () => {
    for (const protocol of ["", "a b", "a\r\nX: y", "a,b", "\xe9"]) {
      assertMisuse(() => acceptHead({ acceptKey: ACCEPT, protocol }), "INVALID_PROTOCOL_NAME");
    }
  });
});

describe("refusalHead", () => {
  it("closes the connection and states the length of the body", () => {
    assert.equal(
      refusalHead({ status: 404, bodyBytes: 9, bodyType: "text/plain", headers: ["X-A", "b"] }),
      "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 9\r\n" +
        "Content-Type: text/plain\r\nX-A: b\r\n\r\n",
    );
  });

  it("names Upgrade in Connection where it sends it", () => {
    const head = parseResponse(refusalHead({ status: 426, bodyBytes: 0, headers: ["upgrade", "websocket"] }));
    assert.equal(head.headers.get("connection"), "close, Upgrade");
  });

  it("takes another reason, and has an empty one for a status it does not know", () => {
    assert.equal(
      parseResponse(refusalHead({ status: 403, reason: "No \xe9", bodyBytes: 0 })).reason,
      "No \xe9",
    );
    assert.equal(parseResponse(refusalHead({ status: 499, bodyBytes: 0 })).reason, "");
  });

  it("refuses what cannot stand in a refusal", () => {
    assertMisuse(() => refusalHead({ status: 403, reason: "a\r\nb", bodyBytes: 0 }), "INVALID_HEADER");
    assertMisuse(() => refusalHead({ status: 403, bodyBytes: 0, headers: ["A", "b\rc"] }), "INVALID_HEADER");
    assertMisuse(() => refusalHead({ status: 403, bodyBytes: 0, bodyType: "a\nb" }), "INVALID_HEADER");
    for (const name of ["Connection", "content-length", "Transfer-Encoding", "content-type"]) {
      const headers = [name, "x"];
      assertMisuse(
        () => refusalHead({ status: 403, bodyBytes: 0, bodyType: "a/b", headers }),
        "INVALID_HEADER",
      );
    }
    for (const status of [101, 200, 299, 304, 600, 400.5, Number.NaN]) {
      assertMisuse(() => refusalHead({ status, bodyBytes: 0 }), "INVALID_OPTION");
    }
    for (const bodyBytes of [-1, 0.5, Number.NaN, Infinity]) {
      assertMisuse(() => refusalHead({ status: 403, bodyBytes }), "INVALID_OPTION");
    }
  });
});

describe("chooseProtocol", () => {
  it("goes by the server's preference", () => {
    assert.equal(chooseProtocol(["a", "b"], ["b", "a"]), "b");
    assert.equal(chooseProtocol(["a"], ["b", "a"]), "a");
  });

  it("chooses none where none is shared, and minds the case", () => {
    assert.equal(chooseProtocol(["a"], ["A"]), undefined);
    assert.equal(chooseProtocol([], ["a"]), undefined);
    assert.equal(chooseProtocol(["a"], []), undefined);
  });
});
