import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type HeadKind,
  type HeadLimits,
  HeadParser,
  type HeadResult,
} from "#protocol/handshake/head-parser.js";
import { assertRefused, latin1, parseRequest, parseResponse } from "./heads.js";

function push(kind: HeadKind, text: string, limits?: Partial<HeadLimits>): HeadResult | undefined {
  return new HeadParser(kind, limits).push(latin1(text));
}

function pushInPieces(kind: HeadKind, bytes: Uint8Array, sizes: readonly number[]): HeadResult | undefined {
  const parser = new HeadParser(kind, { maxHeadBytes: 200, maxHeaders: 4 });
  let offset = 0;
  for (let i = 0; offset < bytes.length; i++) {
    const end = Math.min(bytes.length, offset + (sizes[i % sizes.length] ?? 1));
    const result = parser.push(bytes.subarray(offset, end));
    if (result?.ok) {
      const rest = Buffer.concat([result.rest, bytes.subarray(end)]);
      return { ...result, rest };
    }
    if (result !== undefined) return result;
    offset = end;
  }
  return undefined;
}

/** What a result says, without what differs by identity only. */
function describeResult(result: HeadResult | undefined): unknown {
  if (result === undefined) return "more";
  if (!result.ok) return [result.error.code, result.error.status, result.error.message];
  return [{ ...result.head, headers: result.head.headers.raw }, Buffer.from(result.rest).toString("latin1")];
}

describe("HeadParser", () => {
  it("reads a request head and hands back the bytes after it", () => {
    const result = push(
      "request",
      "GET /chat?a=b HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX:\t\xe9 \t y \r\n\r\n\x81\x00",
    );
    assert.ok(result?.ok);
    const { headers, ...line } = result.head;
    assert.deepEqual(line, { method: "GET", target: "/chat?a=b", httpVersion: "1.1" });
    assert.deepEqual(headers.raw, ["Host", "a", "X-Empty", "", "X", "\xe9 \t y"]);
    assert.deepEqual([...result.rest], [0x81, 0x00]);
  });

  it("reads a response head, also one without a reason", () => {
    const full = parseResponse("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n");
    assert.deepEqual([full.status, full.reason, full.httpVersion], [101, "Switching Protocols", "1.1"]);
    assert.equal(parseResponse("HTTP/1.0 200 \r\n\r\n").reason, "");
    assert.equal(parseResponse("HTTP/1.1 404\r\n\r\n").status, 404);
  });

  it("reads a head that comes one byte at a time", () => {
    const parser = new HeadParser("request");
    const bytes = latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for (const byte of bytes.subarray(0, -1)) assert.equal(parser.push(Uint8Array.of(byte)), undefined);
    const result = parser.push(bytes.subarray(-1));
    assert.ok(result?.ok);
    assert.equal(result.head.headers.get("host"), "a");
    assert.equal(result.rest.length, 0);
  });

  it("keeps its result", () => {
    const done = new HeadParser("request");
    assert.ok(done.push(latin1("GET / HTTP/1.1\r\n\r\nab"))?.ok);
    const later = done.push(latin1("cd"));
    assert.ok(later?.ok);
    assert.equal(Buffer.from(later.rest).toString(), "cd");

    const failed = new HeadParser("request");
    const error = failed.push(latin1("\n"));
    assert.equal(failed.push(latin1("GET / HTTP/1.1\r\n\r\n")), error);
  });

  it("needs more bytes until the empty line", () => {
    for (const text of ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA: b\r\n\r", "\r\n"]) {
      assert.equal(push("request", text), undefined, JSON.stringify(text));
    }
  });

  it("takes one empty line before a request, but not two, and none before a response", () => {
    assert.equal(parseRequest("\r\nGET / HTTP/1.1\r\n\r\n").method, "GET");
    assert.equal(push("request", "\r\n\r\nGET / HTTP/1.1\r\n\r\n")?.ok, false);
    assert.equal(push("response", "\r\nHTTP/1.1 101 x\r\n\r\n")?.ok, false);
  });

  const line = "GET / HTTP/1.1\r\n";
  const malformedRequests: [string, string][] = [
    ["a bare LF", "GET / HTTP/1.1\nHost: a\n\n"],
    ["a bare LF in a later line", `${line}Host: a\n\r\n`],
    ["a bare CR", `${line}Host: a\rb\r\n\r\n`],
    ["two CRs", `${line}Host: a\r\r\n\r\n`],
    ["a folded line", `${line}A: b\r\n c\r\n\r\n`],
    ["a folded line with a tab", `${line}A: b\r\n\tc: d\r\n\r\n`],
    ["whitespace before the first field", `${line} A: b\r\n\r\n`],
    ["a space before the colon", `${line}Host : a\r\n\r\n`],
    ["an empty field name", `${line}: a\r\n\r\n`],
    ["a line without a colon", `${line}Host\r\n\r\n`],
    ["a field name that is no token", `${line}Ho(st: a\r\n\r\n`],
    ["a field name in latin1", `${line}H\xf6st: a\r\n\r\n`],
    ["NUL in a value", `${line}A: b\0c\r\n\r\n`],
    ["DEL in a value", `${line}A: b\x7fc\r\n\r\n`],
    ["a leading space", " GET / HTTP/1.1\r\n\r\n"],
    ["two spaces after the method", "GET  / HTTP/1.1\r\n\r\n"],
    ["two spaces after the target", "GET /  HTTP/1.1\r\n\r\n"],
    ["a space after the version", "GET / HTTP/1.1 \r\n\r\n"],
    ["no target", "GET HTTP/1.1\r\n\r\n"],
    ["no version", "GET /\r\n\r\n"],
    ["a method that is no token", "G@T / HTTP/1.1\r\n\r\n"],
    ["a tab in the target", "GET /\t HTTP/1.1\r\n\r\n"],
    ["latin1 in the target", "GET /\xe9 HTTP/1.1\r\n\r\n"],
    ["a version in lower case", "GET / http/1.1\r\n\r\n"],
    ["a version of two digits", "GET / HTTP/1.10\r\n\r\n"],
    ["a version without digits", "GET / HTTP/a.b\r\n\r\n"],
    ["a TLS greeting", "\x16\x03\x01\x02\x00\x01"],
  ];
  for (const [what, text] of malformedRequests) {
    it(`refuses ${what} with 400`, () => {
      const result = push("request", text);
      assert.ok(result?.ok === false);
      assertRefused(result.error, "MALFORMED_HEAD", 400);
    });
  }

  for (const version of ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0"]) {
    it(`refuses ${version} with 505`, () => {
      const result = push("request", `GET / ${version}\r\n`);
      assert.ok(result?.ok === false);
      assertRefused(result.error, "HTTP_VERSION", 505);
    });
  }

  const malformedResponses = [
    "HTTP/1.1 10 x\r\n",
    "HTTP/1.1 1010 x\r\n",
    "HTTP/1.1 1e1 x\r\n",
    "HTTP/1.1 099 x\r\n",
    "HTTP/1.1  101 x\r\n",
    "HTTP/1.1\r\n",
    "HTTP/1.1\t101 x\r\n",
    "ICY 200 OK\r\n",
    "HTTP/1.1 101 a\0b\r\n",
    "HTTP/1.1 101 x\r\nA : b\r\n\r\n",
  ];
  for (const text of malformedResponses) {
    it(`refuses the response ${JSON.stringify(text)} without a status`, () => {
      const result = push("response", text);
      assert.ok(result?.ok === false);
      assertRefused(result.error, "MALFORMED_HEAD", 0);
    });
  }

  it("takes a head of exactly 16 KiB and refuses one byte more with 431", () => {
    const frame = `${line}A: \r\n\r\n`;
    const filler = "x".repeat(16_384 - frame.length);
    const exact = `${line}A: ${filler}\r\n\r\n`;
    assert.equal(exact.length, 16_384);
    assert.equal(parseRequest(exact).headers.get("a"), filler);

    const result = push("request", `${line}A: ${filler}x\r\n\r\n`);
    assert.ok(result?.ok === false);
    assertRefused(result.error, "HEAD_TOO_LARGE", 431);
  });

  it("refuses an endless head as soon as it passes the limit", () => {
    for (const [kind, status] of [
      ["request", 431],
      ["response", 0],
    ] as const) {
      const parser = new HeadParser(kind, { maxHeadBytes: 1000 });
      let result: HeadResult | undefined;
      let sent = 0;
      while (result === undefined && sent <= 2000) {
        result = parser.push(latin1("x"));
        sent++;
      }
      assert.equal(sent, 1001);
      assert.ok(result?.ok === false);
      assertRefused(result.error, "HEAD_TOO_LARGE", status);
    }
  });

  it("refuses more than 100 header fields with 431", () => {
    assert.equal(parseRequest(`${line}${"a:b\r\n".repeat(100)}\r\n`).headers.raw.length, 200);
    const result = push("request", `${line}${"a:b\r\n".repeat(101)}\r\n`);
    assert.ok(result?.ok === false);
    assertRefused(result.error, "HEAD_TOO_LARGE", 431);
  });

  it("does not scan again what it has scanned", () => {
    // One byte at a time through 1 MiB: linear is well below a second, quadratic would take an hour.
    const parser = new HeadParser("request", { maxHeadBytes: 1024 * 1024 });
    const byte = latin1("x");
    const started = performance.now();
    for (let i = 0; i < 1024 * 1024; i++) assert.ok(parser.push(byte) === undefined);
    assert.ok(performance.now() - started < 10_000);
  });

  const headPiece = fc.constantFrom(
    "GET / HTTP/1.1\r\n",
    "HTTP/1.1 101 OK\r\n",
    "Host: a\r\n",
    "__proto__: x\r\n",
    "\r\n",
    "\r",
    "\n",
    " a",
    ":",
    "\0",
    "\xff",
    "x".repeat(60),
  );
  const headBytes = fc.oneof(
    fc.array(headPiece, { maxLength: 12 }).map((pieces) => latin1(pieces.join(""))),
    fc.array(headPiece, { maxLength: 6 }).map((pieces) => latin1(`GET / HTTP/1.1\r\n${pieces.join("")}`)),
    fc.uint8Array({ maxLength: 300 }),
  );

  it("comes to the same result however the bytes are split", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        fc.constantFrom<HeadKind>("request", "response"),
        headBytes,
        sizes,
        (kind, bytes, split) => {
          const whole = describeResult(pushInPieces(kind, bytes, [1000]));
          assert.deepEqual(describeResult(pushInPieces(kind, bytes, split)), whole);
          assert.deepEqual(describeResult(pushInPieces(kind, bytes, [1])), whole);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("reads back any header fields", () => {
    const name = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/);
    const value = fc.stringMatching(/^([!-~\u0080-\u00ff]([\t -~\u0080-\u00ff]*[!-~\u0080-\u00ff])?)?$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (fields) => {
        const text = fields.map(([key, content]) => `${key}: ${content}\r\n`).join("");
        assert.deepEqual([...parseRequest(`${line}${text}\r\n`).headers], fields);
      }),
    );
  });
});
