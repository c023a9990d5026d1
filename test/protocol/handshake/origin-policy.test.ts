import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HeaderList } from "#protocol/handshake/header-list.js";
import { assertOriginPolicy, isOriginAllowed, type OriginPolicy } from "#protocol/handshake/origin-policy.js";
import type { HandshakeRequest } from "#protocol/handshake/server-handshake.js";
import { assertMisuse, KEY } from "./heads.js";

function requestFrom(origin: string | undefined, host = "example.com"): HandshakeRequest {
  return {
    key: KEY,
    host,
    origin,
    target: "/",
    path: "/",
    query: "",
    protocols: [],
    extensions: [],
    headers: new HeaderList([]),
  };
}

const LIST = [
  "https://Example.com",
  "http://localhost:8080",
  "https://*.example.org",
  "capacitor://localhost",
];

describe("isOriginAllowed", () => {
  const cases: [OriginPolicy, string | undefined, string, boolean][] = [
    ["same-origin", undefined, "example.com", true],
    ["same-origin", "https://example.com", "example.com", true],
    ["same-origin", "http://example.com", "example.com", true],
    ["same-origin", "https://EXAMPLE.com", "Example.COM", true],
    ["same-origin", "https://example.com", "example.com:443", true],
    ["same-origin", "http://example.com:80", "example.com", true],
    ["same-origin", "http://localhost:3000", "localhost:3000", true],
    ["same-origin", "http://[::1]:3000", "[::1]:3000", true],
    ["same-origin", "http://example.com", "example.com:443", false],
    ["same-origin", "https://example.com:8443", "example.com", false],
    ["same-origin", "http://localhost:3000", "localhost:3001", false],
    ["same-origin", "https://evil.com", "example.com", false],
    ["same-origin", "https://example.com.evil.com", "example.com", false],
    ["same-origin", "https://a.example.com", "example.com", false],
    ["same-origin", "https://example.com/", "example.com", false],
    ["same-origin", "https://user@example.com", "example.com", false],
    ["same-origin", "https://example.com https://evil.com", "example.com", false],
    ["same-origin", "https://example.com, https://evil.com", "example.com", false],
    ["same-origin", "app://example.com", "example.com", false],
    ["same-origin", "null", "null", false],
    ["same-origin", "", "example.com", false],
    ["same-origin", "example.com", "example.com", false],
    ["same-origin", "://example.com", "example.com", false],
    ["same-origin", "https://", "example.com", false],
    [LIST, undefined, "a", true],
    [LIST, "https://example.com", "a", true],
    [LIST, "https://example.com:443", "a", true],
    [LIST, "HTTPS://example.com", "a", true],
    [LIST, "http://localhost:8080", "a", true],
    [LIST, "https://a.example.org", "a", true],
    [LIST, "https://a.b.example.org", "a", true],
    [LIST, "capacitor://localhost", "a", true],
    [LIST, "http://example.com", "a", false],
    [LIST, "https://example.com:8443", "a", false],
    [LIST, "http://localhost", "a", false],
    [LIST, "https://example.org", "a", false],
    [LIST, "https://.example.org", "a", false],
    [LIST, "https://evilexample.org", "a", false],
    [LIST, "http://a.example.org", "a", false],
    [LIST, "https://a.example.org.evil.com", "a", false],
    [LIST, "https://a.example.org:8443", "a", false],
    [LIST, "https://a", "a", false],
    [LIST, "null", "a", false],
    [LIST, "https://example.com http://localhost:8080", "a", false],
    [[], "https://example.com", "example.com", false],
    [["null"], "null", "a", false],
    ["dangerously-allow-any-origin", "https://evil.com", "a", true],
    ["dangerously-allow-any-origin", "null", "a", true],
  ];
  for (const [policy, origin, host, allowed] of cases) {
    it(`${allowed ? "allows" : "denies"} ${origin} at ${host} by ${JSON.stringify(policy)}`, () => {
      assert.equal(isOriginAllowed(policy, requestFrom(origin, host)), allowed);
    });
  }

  it("asks a function, about `null` too, and takes nothing but true for an answer", () => {
    const asked: string[] = [];
    const policy = (origin: string, request: HandshakeRequest): boolean => {
      asked.push(origin);
      return request.path === "/" && origin === "null";
    };
    assert.equal(isOriginAllowed(policy, requestFrom("null")), true);
    assert.equal(isOriginAllowed(policy, requestFrom("https://a")), false);
    assert.equal(isOriginAllowed(policy, requestFrom("https://a https://b")), false);
    assert.equal(isOriginAllowed(policy, requestFrom(undefined)), true);
    assert.deepEqual(asked, ["null", "https://a"]);
    const promising = (() => Promise.resolve(false)) as unknown as OriginPolicy;
    assert.equal(isOriginAllowed(promising, requestFrom("https://a")), false);
  });

  it("never throws, whatever the origin and host are", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, (origin, host) => {
        isOriginAllowed("same-origin", requestFrom(`https://${origin}`, host));
        isOriginAllowed(LIST, requestFrom(origin, host));
      }),
    );
  });
});

describe("assertOriginPolicy", () => {
  it("takes every kind of policy", () => {
    for (const policy of ["same-origin", "dangerously-allow-any-origin", LIST, [], () => true] as const) {
      assertOriginPolicy(policy);
    }
  });

  it("refuses what is none", () => {
    const refused: unknown[] = ["any", "*", "https://example.com", undefined, null, 1, {}];
    for (const entry of [
      "*",
      "null",
      "",
      "example.com",
      "https://",
      "https://example.com/",
      "https://example.com/path",
      "https://user@example.com",
      "https://*",
      "https://*.",
      "https://*example.com",
      "https://a.*.example.com",
      "https://*.*.example.com",
      "https://example.com:*",
      "https://example.com, https://example.org",
      "ht tp://example.com",
      "1http://example.com",
      1,
    ]) {
      refused.push([entry]);
    }
    for (const policy of refused) {
      assertMisuse(() => assertOriginPolicy(policy as OriginPolicy), "INVALID_OPTION");
      assert.throws(() => assertOriginPolicy(policy as OriginPolicy), /^UsageError: origins /);
    }
  });
});
