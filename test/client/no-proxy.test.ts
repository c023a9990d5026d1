import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { proxyFor } from "#node/client/http-proxy.js";
import { isInNoProxy, isLoopback } from "#node/client/no-proxy.js";
import { targetOf } from "#node/client/target.js";

describe("NO_PROXY", () => {
  const cases: [noProxy: string, host: string, port: number, expected: boolean][] = [
    ["*", "example.com", 80, true],
    ["", "example.com", 80, false],
    [" , ,", "example.com", 80, false],
    ["example.com", "example.com", 80, true],
    ["example.com", "EXAMPLE.com", 80, true],
    ["example.com", "example.com.", 80, true],
    ["example.com", "sub.example.com", 80, true],
    ["example.com", "notexample.com", 80, false],
    [".example.com", "sub.example.com", 80, true],
    [".example.com", "example.com", 80, true],
    ["*.example.com", "sub.example.com", 80, true],
    [".", "example.com", 80, false],
    ["a.test, example.com", "example.com", 80, true],
    ["a.test example.com", "example.com", 80, true],
    ["example.com:8080", "example.com", 8080, true],
    ["example.com:8080", "example.com", 80, false],
    ["example.com:x", "example.com", 80, false],
    ["10.1.2.3", "10.1.2.3", 80, true],
    ["10.1.2.3:81", "10.1.2.3", 80, false],
    ["10.0.0.0/8", "10.200.0.1", 80, true],
    ["10.0.0.0/8", "11.0.0.1", 80, false],
    ["10.0.0.0/99", "10.0.0.1", 80, false],
    ["10.0.0.0/", "10.0.0.1", 80, false],
    ["10.0.0.0/8/8", "10.0.0.1", 80, false],
    ["2.3", "10.1.2.3", 80, false],
    ["fd00::1", "fd00::1", 80, true],
    ["fd00::/8", "fd12::7", 80, true],
    ["[fd00::1]", "fd00::1", 80, true],
    ["[fd00::1]:81", "fd00::1", 81, true],
    ["[fd00::1]:81", "fd00::1", 80, false],
  ];
  for (const [noProxy, host, port, expected] of cases) {
    it(`"${noProxy}" ${expected ? "names" : "does not name"} ${host}:${port}`, () => {
      assert.equal(isInNoProxy(noProxy, host, port), expected);
    });
  }

  it("knows this machine by name and address", () => {
    for (const host of ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.8.9.1", "::1"]) {
      assert.equal(isLoopback(host), true, host);
    }
    for (const host of ["localhost.example.com", "128.0.0.1", "::2", "notlocalhost"]) {
      assert.equal(isLoopback(host), false, host);
    }
  });
});

describe("the proxy of the environment", () => {
  const ws = targetOf("ws://example.com/", undefined);
  const wss = targetOf("wss://example.com/", undefined);

  it("is HTTPS_PROXY for wss:, HTTP_PROXY for ws:, else ALL_PROXY; lower case wins", () => {
    const both = { HTTP_PROXY: "http://one:1", HTTPS_PROXY: "http://two:2" };
    assert.equal(proxyFor(ws, undefined, both)?.hostname, "one");
    assert.equal(proxyFor(wss, undefined, both)?.hostname, "two");
    assert.equal(proxyFor(ws, undefined, { HTTPS_PROXY: "http://two:2" }), undefined);
    assert.equal(proxyFor(ws, undefined, { ALL_PROXY: "http://all:3" })?.port, 3);
    assert.equal(proxyFor(ws, undefined, { ...both, http_proxy: "http://low:4" })?.hostname, "low");
    assert.equal(proxyFor(ws, undefined, { http_proxy: "", HTTP_PROXY: "" }), undefined);
    assert.equal(proxyFor(ws, undefined, {}), undefined);
  });

  it("may be written without a scheme, and over https:", () => {
    const plain = proxyFor(ws, undefined, { http_proxy: "proxy.example:3128" });
    assert.deepEqual([plain?.hostname, plain?.port, plain?.isSecure], ["proxy.example", 3128, false]);
    const secure = proxyFor(ws, undefined, { http_proxy: "https://proxy.example" });
    assert.deepEqual([secure?.port, secure?.isSecure], [443, true]);
    assert.throws(() => proxyFor(ws, undefined, { http_proxy: "socks5://p:1" }), { code: "INVALID_OPTION" });
  });

  it("is not used for this machine, NO_PROXY, Unix sockets and proxy: false", () => {
    const env = { ALL_PROXY: "http://all:3", NO_PROXY: "example.com" };
    assert.equal(proxyFor(ws, undefined, env), undefined);
    assert.equal(proxyFor(targetOf("ws://[::1]/", undefined), undefined, env), undefined);
    assert.equal(proxyFor(targetOf("ws+unix:/a:/", undefined), undefined, env), undefined);
    const other = targetOf("ws://other.test/", undefined);
    assert.equal(proxyFor(other, undefined, env)?.hostname, "all");
    assert.equal(proxyFor(other, false, env), undefined);
    assert.throws(() => proxyFor(targetOf("ws+unix:/a:/", undefined), "http://p", env), {
      code: "INVALID_OPTION",
    });
  });

  it("is not HTTP_PROXY in a CGI program, where a request could set it", () => {
    const env = { HTTP_PROXY: "http://evil:1", REQUEST_METHOD: "GET" };
    assert.equal(proxyFor(ws, undefined, env), undefined);
  });
});
