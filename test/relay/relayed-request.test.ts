import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeRequest, encodeRequest } from "#hub/relayed-request.js";
import { RelayedOrigin, UpgradeRequest } from "#node/server/upgrade-request.js";
import { HeaderList } from "#protocol/handshake/header-list.js";

function requestOf(fields: readonly string[]): UpgradeRequest {
  const request = new UpgradeRequest(
    { target: "/rooms/5?via=sse", headers: new HeaderList(fields) },
    new RelayedOrigin("10.0.0.1", true, "2"),
    undefined,
  );
  request.resolve({ room: "5" }, "192.0.2.7");
  return request;
}

describe("the request that an owner is told of", () => {
  it("is the one that the gate was sent, as the gate sees it", () => {
    const request = decodeRequest(encodeRequest(requestOf(["Host", "example.com", "Cookie", "a=1; b=ä"])));
    const { target, path, remoteAddress, isSecure, httpVersion, params, host, incoming } = request;
    assert.deepEqual(
      { target, path, remoteAddress, isSecure, httpVersion, params, host, incoming },
      {
        target: "/rooms/5?via=sse",
        path: "/rooms/5",
        remoteAddress: "192.0.2.7",
        isSecure: true,
        httpVersion: "2",
        params: { room: "5" },
        host: "example.com",
        incoming: undefined,
      },
    );
    assert.deepEqual(
      [...request.cookies],
      [
        ["a", "1"],
        ["b", "ä"],
      ],
    );
    assert.equal(request.query.get("via"), "sse");
  });

  it("has no header fields where they would be too long", () => {
    const bytes = encodeRequest(requestOf(["X-Long", "x".repeat(70_000)]));
    assert.ok(bytes.length < 1_000);
    const request = decodeRequest(bytes);
    assert.deepEqual([[...request.headers], request.remoteAddress], [[], "192.0.2.7"]);
  });

  it("is read whatever it is", () => {
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      "5",
      '{"fields":["a"]}',
      '{"fields":["a",5]}',
      '{"fields":["a\\r\\nb","c"]}',
      '{"target":5,"remoteAddress":{},"params":[1,2]}',
      '{"params":{"__proto__":"x","room":5}}',
    ]) {
      const request = decodeRequest(Buffer.from(text));
      assert.deepEqual([[...request.headers], request.remoteAddress], [[], ""], text);
      assert.equal(request.target, "/");
    }
    assert.deepEqual(Object.keys(decodeRequest(Buffer.from('{"params":{"room":"5","x":1}}')).params), [
      "room",
    ]);
    assert.equal(({} as { room?: string }).room, undefined);
  });
});
