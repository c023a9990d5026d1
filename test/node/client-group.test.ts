import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { clientGroup } from "#node/server/client-group.js";

const group = fc.integer({ min: 0, max: 0xffff });
const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 });
const byte = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.array(byte, { minLength: 4, maxLength: 4 });
const full = (groups: readonly number[]): string => groups.map((one) => one.toString(16)).join(":");

/** With the first run of zeros that is longest written as `::`, by the rules of RFC 5952. */
function short(groups: readonly number[]): string {
  const longest = /\b0(?::0)+\b/g;
  const [run] = [...full(groups).matchAll(longest)].sort((a, b) => b[0].length - a[0].length);
  if (run === undefined) return full(groups);
  const text = full(groups);
  const before = text.slice(0, run.index).replace(/:$/, "");
  return `${before}::${text.slice(run.index + run[0].length).replace(/^:/, "")}`;
}

const isEmbedded = (groups: readonly number[]): boolean =>
  ["0:0:0:0:0:ffff", "64:ff9b:0:0:0:0"].includes(full(groups.slice(0, 6)));

describe("the group that an address counts for", () => {
  it("is the /64 of an IPv6 address, however it is written", () => {
    fc.assert(
      fc.property(ipv6, (groups) => {
        fc.pre(!isEmbedded(groups));
        const expected = `${full(groups.slice(0, 4))}::/64`;
        for (const text of [full(groups), short(groups), full(groups).toUpperCase(), `${full(groups)}%eth0`])
          assert.equal(clientGroup(text), expected, text);
      }),
    );
  });

  it("is the same for two addresses only where the first 64 bits are", () => {
    fc.assert(
      fc.property(ipv6, ipv6, fc.integer({ min: 0, max: 8 }), (a, other, shared) => {
        const b = [...a.slice(0, shared), ...other.slice(shared)];
        fc.pre(!isEmbedded(a) && !isEmbedded(b));
        const isSameNetwork = full(a.slice(0, 4)) === full(b.slice(0, 4));
        assert.equal(clientGroup(full(a)) === clientGroup(full(b)), isSameNetwork);
      }),
    );
  });

  it("is the IPv4 address, plain, mapped into IPv6, or translated on the way", () => {
    fc.assert(
      fc.property(ipv4, ([a = 0, b = 0, c = 0, d = 0]) => {
        const address = [a, b, c, d].join(".");
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const text of [
          address,
          `::ffff:${address}`,
          `::FFFF:${address}`,
          `::ffff:${hex}`,
          `0:0:0:0:0:ffff:${address}`,
          `64:ff9b::${hex}`,
        ])
          assert.equal(clientGroup(text), address, text);
      }),
    );
  });

  it("is the text itself where that is no address", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = clientGroup(text);
        if (!text.includes(":")) assert.equal(result, text);
        assert.equal(typeof result, "string");
      }),
    );
    for (const text of ["", "user:5", "1::2::3", ":::", "12345::", "::1/64", "[::1]"])
      assert.equal(clientGroup(text), text);
  });

  it("knows the short forms", () => {
    assert.equal(clientGroup("::"), "0:0:0:0::/64");
    assert.equal(clientGroup("::1"), "0:0:0:0::/64");
    assert.equal(clientGroup("2001:db8::1"), "2001:db8:0:0::/64");
    assert.equal(clientGroup("2001:db8:0:1::"), "2001:db8:0:1::/64");
    assert.equal(clientGroup("fe80::1%eth0"), "fe80:0:0:0::/64");
  });
});
