import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseAuthority } from "#protocol/handshake/authority.js";

describe("parseAuthority", () => {
  const accepted: [string, string, number | undefined][] = [
    ["Example.COM", "example.com", undefined],
    ["example.com:8080", "example.com", 8080],
    ["example.com:", "example.com", undefined],
    ["127.0.0.1:65535", "127.0.0.1", 65535],
    ["[::1]:80", "[::1]", 80],
    ["[2001:DB8::7.8.9.10]", "[2001:db8::7.8.9.10]", undefined],
    ["a_b.xn--nxasmq6b", "a_b.xn--nxasmq6b", undefined],
    ["a%20b", "a%20b", undefined],
  ];
  for (const [text, host, port] of accepted) {
    it(`reads ${text}`, () => assert.deepEqual(parseAuthority(text), { host, port }));
  }

  const refused = [
    "",
    ":80",
    "a:65536",
    "a:8x",
    "a:-1",
    "a:1:2",
    "a b",
    "user@a",
    "a/b",
    "a?b",
    "a#b",
    "a\\b",
    "a%2",
    "a%zz",
    "\xe9",
    "[::1",
    "[::1]a",
    "[1]",
    "[::g]",
    "[fe80::1%25eth0]",
    "::1",
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseAuthority(text), undefined));
  }

  it("never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseAuthority(text)));
  });
});
