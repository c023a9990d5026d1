import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HandshakeError, HeaderList, UsageError } from "hawser/protocol";
import { connectFields, readConnectAnswer } from "#protocol/handshake/client-connect.js";
import { readConnectHead } from "#protocol/handshake/connect-head.js";
import {
  connectAcceptFields,
  connectRefusalFields,
  isWebSocketConnect,
  readConnectRequest,
} from "#protocol/handshake/server-connect.js";

/** The request of RFC 8441 §5.1. */
const GOOD: Readonly<Record<string, string | undefined>> = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":scheme": "https",
  ":path": "/chat?room=5",
  ":authority": "server.example.com",
  "sec-websocket-protocol": "chat, superchat",
  "sec-websocket-extensions": "permessage-deflate",
  "sec-websocket-version": "13",
  origin: "http://www.example.com",
};

function raw(
  change: Readonly<Record<string, string | undefined>> = {},
  more: readonly string[] = [],
): string[] {
  const fields = Object.entries({ ...GOOD, ...change });
  return [...fields.flatMap(([name, value]) => (value === undefined ? [] : [name, value])), ...more];
}

const read = (change = {}, more: readonly string[] = []) =>
  readConnectRequest(readConnectHead(raw(change, more)));

describe("the head of an extended CONNECT", () => {
  it("has its pseudo header fields apart, and the rest as HTTP/1.1 would have it", () => {
    const head = readConnectHead(raw({ cookie: "a=1" }, ["cookie", "b=2", "x-one", "1"]));
    const { headers, ...pseudo } = head;
    assert.deepEqual(pseudo, {
      ...{ method: "CONNECT", protocol: "websocket", scheme: "https" },
      ...{ target: "/chat?room=5", authority: "server.example.com" },
    });
    assert.equal(headers.get("host"), "server.example.com");
    assert.deepEqual(headers.getAll("cookie"), ["a=1; b=2"]);
    assert.equal(headers.get("x-one"), "1");
    assert.ok([...headers].every(([name]) => !name.startsWith(":")));
  });

  it("takes Host for a missing :authority, and nothing where they differ", () => {
    assert.equal(
      readConnectHead(raw({ ":authority": undefined }, ["host", "a.example"])).authority,
      "a.example",
    );
    assert.equal(readConnectHead(raw({}, ["host", "SERVER.example.com"])).authority, "server.example.com");
    assert.equal(readConnectHead(raw({}, ["host", "other.example"])).authority, undefined);
    assert.equal(readConnectHead([]).method, "");
  });
});

describe("readConnectRequest", () => {
  it("reads the request of RFC 8441 §5.1", () => {
    const request = read();
    assert.ok(!(request instanceof HandshakeError));
    assert.deepEqual(
      { ...request, headers: 0, extensions: request.extensions.map(({ name }) => name) },
      {
        ...{ key: "", host: "server.example.com", origin: "http://www.example.com", headers: 0 },
        ...{ target: "/chat?room=5", path: "/chat", query: "room=5" },
        ...{ protocols: ["chat", "superchat"], extensions: ["permessage-deflate"] },
      },
    );
  });

  it("does not look at a key, nor at Upgrade and Connection (RFC 8441 §5)", () => {
    assert.ok(!(read({ "sec-websocket-key": "no key" }) instanceof HandshakeError));
  });

  const refusals: readonly (readonly [string, Record<string, string | undefined>, string, number])[] = [
    ["another method", { ":method": "GET" }, "METHOD_NOT_ALLOWED", 405],
    ["another protocol", { ":protocol": "connect-udp" }, "INVALID_UPGRADE", 501],
    ["no protocol", { ":protocol": undefined }, "INVALID_UPGRADE", 501],
    ["no scheme", { ":scheme": undefined }, "INVALID_TARGET", 400],
    ["another scheme", { ":scheme": "wss" }, "INVALID_TARGET", 400],
    ["no path", { ":path": undefined }, "INVALID_TARGET", 400],
    ["a path in absolute form", { ":path": "https://other.example/" }, "INVALID_TARGET", 400],
    ["a fragment", { ":path": "/#a" }, "INVALID_TARGET", 400],
    ["no authority", { ":authority": undefined }, "INVALID_HOST", 400],
    ["user information", { ":authority": "me@server.example.com" }, "INVALID_HOST", 400],
    ["two hosts", { host: "other.example" }, "INVALID_HOST", 400],
    ["a body", { "content-length": "5" }, "UNEXPECTED_BODY", 400],
    ["no version", { "sec-websocket-version": undefined }, "UNSUPPORTED_VERSION", 400],
    ["another version", { "sec-websocket-version": "8" }, "UNSUPPORTED_VERSION", 400],
    ["a subprotocol twice", { "sec-websocket-protocol": "a, a" }, "INVALID_PROTOCOLS", 400],
    ["malformed extensions", { "sec-websocket-extensions": "a;" }, "INVALID_EXTENSIONS", 400],
  ];
  for (const [what, change, code, status] of refusals) {
    it(`refuses ${what} with ${status}`, () => {
      const error = read(change);
      assert.ok(error instanceof HandshakeError);
      assert.deepEqual([error.code, error.status], [code, status]);
    });
  }

  it("knows WebSocket by its method and protocol", () => {
    assert.ok(isWebSocketConnect(readConnectHead(raw())));
    assert.ok(!isWebSocketConnect(readConnectHead(raw({ ":method": "GET" }))));
  });
});

describe("the fields of an answer over HTTP/2", () => {
  it("accept with a status, in lower case", () => {
    const fields = connectAcceptFields({ protocol: "chat", extensions: "x", headers: ["Set-Cookie", "A=b"] });
    assert.deepEqual(fields, [
      ...[":status", "200", "sec-websocket-protocol", "chat", "sec-websocket-extensions", "x"],
      ...["set-cookie", "A=b"],
    ]);
  });

  it("do not say what HTTP/2 forbids, or what the handshake says itself", () => {
    for (const name of [
      "Upgrade",
      "Connection",
      "Keep-Alive",
      "Sec-WebSocket-Accept",
      "Content-Length",
      ":status",
    ]) {
      assert.throws(() => connectAcceptFields({ headers: [name, "1"] }), UsageError, name);
    }
    assert.throws(() => connectAcceptFields({ protocol: "a b" }), UsageError);
    assert.throws(() => connectAcceptFields({ headers: ["X-A", "1\r\nX-B: 2"] }), UsageError);
  });

  it("refuse with a status and a body, without what is about the connection", () => {
    const input = {
      status: 426,
      headers: ["Upgrade", "x", "X-Why", "no"],
      bodyBytes: 3,
      bodyType: "text/plain",
    };
    assert.deepEqual(connectRefusalFields(input), [
      ...[":status", "426", "content-length", "3", "content-type", "text/plain", "x-why", "no"],
    ]);
    for (const status of [200, 101, 304, 600]) {
      assert.throws(() => connectRefusalFields({ status, bodyBytes: 0 }), UsageError);
    }
  });
});

describe("the client's extended CONNECT", () => {
  const input = { target: "/chat?a=1", host: "example.com:8443", isSecure: true };

  it("is what a server reads", () => {
    const fields = connectFields({
      ...input,
      ...{ protocols: ["a", "b"], extensions: "permessage-deflate", origin: "https://example.com" },
      headers: ["X-One", "1"],
    });
    const request = readConnectRequest(readConnectHead(fields));
    assert.ok(!(request instanceof HandshakeError));
    assert.deepEqual(
      [request.host, request.target, request.protocols],
      ["example.com:8443", "/chat?a=1", ["a", "b"]],
    );
    assert.equal(fields[fields.indexOf(":scheme") + 1], "https");
    assert.ok(!fields.some((name) => /key|upgrade|connection/i.test(name)));
    assert.equal(connectFields({ ...input, isSecure: false })[5], "http");
  });

  it("refuses what cannot stand in it", () => {
    for (const change of [
      { target: "chat" },
      { host: "a b" },
      { protocols: ["a", "a"] },
      { extensions: ";" },
      { origin: "a\nb" },
      { headers: ["TE", "trailers"] },
      { headers: ["Host", "other"] },
    ]) {
      assert.throws(() => connectFields({ ...input, ...change }), UsageError);
    }
  });

  const expected = { protocols: ["chat"], deflateOffer: {} };
  const answer = (status: number, fields: readonly string[] = []) =>
    readConnectAnswer({ status, headers: new HeaderList(fields) }, expected);

  it("is answered with any 2xx, and without Sec-WebSocket-Accept", () => {
    for (const status of [200, 204, 299]) assert.ok(!(answer(status) instanceof HandshakeError));
    const response = answer(200, [
      "sec-websocket-protocol",
      "chat",
      "sec-websocket-extensions",
      "permessage-deflate",
    ]);
    assert.ok(!(response instanceof HandshakeError));
    assert.deepEqual([response.protocol, response.deflate !== undefined], ["chat", true]);
  });

  it("is not answered with anything else, nor with what was not offered", () => {
    for (const status of [0, 101, 199, 300, 401, 500]) {
      const error = answer(status);
      assert.ok(error instanceof HandshakeError);
      assert.deepEqual([error.code, error.status], ["UNEXPECTED_STATUS", status]);
    }
    const other = answer(200, ["sec-websocket-protocol", "other"]);
    assert.equal(other instanceof HandshakeError && other.code, "UNREQUESTED_PROTOCOL");
    const extension = answer(200, ["sec-websocket-extensions", "x"]);
    assert.ok(extension instanceof HandshakeError);
  });
});
