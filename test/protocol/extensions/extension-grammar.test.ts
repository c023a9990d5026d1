import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { UsageError } from "#core/hawser-error.js";
import {
  type ExtensionOffer,
  formatExtensions,
  MAX_EXTENSION_OFFERS,
  MAX_EXTENSION_PARAMETERS,
  parseExtensions,
} from "#protocol/extensions/extension-grammar.js";

describe("parseExtensions", () => {
  it("reads names, flags and values in order", () => {
    assert.deepEqual(parseExtensions("foo, bar; baz=2; flag; baz=3"), [
      { name: "foo", parameters: [] },
      {
        name: "bar",
        parameters: [
          { name: "baz", value: "2" },
          { name: "flag", value: true },
          { name: "baz", value: "3" },
        ],
      },
    ]);
  });

  it("reads quoted values, escapes included", () => {
    assert.deepEqual(parseExtensions('a; b="10"; c="x\\y\\z"'), [
      {
        name: "a",
        parameters: [
          { name: "b", value: "10" },
          { name: "c", value: "xyz" },
        ],
      },
    ]);
  });

  it("allows whitespace between tokens and empty elements", () => {
    assert.deepEqual(parseExtensions('\t, ,a\t;  b =\t"c" , ,d,'), [
      { name: "a", parameters: [{ name: "b", value: "c" }] },
      { name: "d", parameters: [] },
    ]);
    for (const empty of ["", " ", ", ,\t,"]) assert.deepEqual(parseExtensions(empty), []);
  });

  it("takes the names of Object.prototype for names like any others", () => {
    const names = ["__proto__", "constructor", "hasOwnProperty"];
    for (const name of names) {
      assert.deepEqual(parseExtensions(`${name}; ${name}=${name}`), [
        { name, parameters: [{ name, value: name }] },
      ]);
    }
  });

  const malformed = [
    ";",
    "a;",
    "a;;b",
    "; a",
    "a b",
    "a; b c",
    "a; b=",
    "a; b= ;c",
    "a; =b",
    "a=b",
    "a; b=c d",
    "a; b=c=d",
    'a; b=""',
    'a; b="',
    'a; b="c',
    'a; b="c\\',
    'a; b="c\\"',
    'a; b="c d"',
    'a; b=" c"',
    'a; b="c,d"',
    'a; b="c"d',
    '"a"',
    "a; b=\xe9",
    "\xe9",
    "a\0",
    "a\r\nb",
    "a\u00a0",
  ];
  for (const value of malformed) {
    it(`refuses ${JSON.stringify(value)}`, () => assert.equal(parseExtensions(value), undefined));
  }

  it("caps the number of elements and of parameters", () => {
    const offers = (count: number): string => Array(count).fill("a").join(",");
    assert.equal(parseExtensions(offers(MAX_EXTENSION_OFFERS))?.length, MAX_EXTENSION_OFFERS);
    assert.equal(parseExtensions(offers(MAX_EXTENSION_OFFERS + 1)), undefined);
    const parameters = (count: number): string => `a${";b".repeat(count)}`;
    assert.equal(
      parseExtensions(parameters(MAX_EXTENSION_PARAMETERS))?.[0]?.parameters.length,
      MAX_EXTENSION_PARAMETERS,
    );
    assert.equal(parseExtensions(parameters(MAX_EXTENSION_PARAMETERS + 1)), undefined);
  });

  it("stays linear on long hostile values", () => {
    const started = performance.now();
    for (const piece of [" ", ",", "a ", "\t,", '"', "\\", ";"]) parseExtensions(piece.repeat(1_000_000));
    parseExtensions(`a; b="${"\\a".repeat(1_000_000)}`);
    assert.ok(performance.now() - started < 5_000);
  });

  it("never throws", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("a", ",", ";", "=", '"', "\\", " ", "\t") }),
    );
    fc.assert(
      fc.property(text, (value) => void parseExtensions(value)),
      { numRuns: 2000 },
    );
  });
});

describe("formatExtensions", () => {
  const token = fc.oneof(
    fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,10}$/),
    fc.constantFrom("__proto__", "constructor"),
  );
  const parameter = fc.record({ name: token, value: fc.oneof(token, fc.constant<true>(true)) });
  const offers: fc.Arbitrary<ExtensionOffer[]> = fc.array(
    fc.record({ name: token, parameters: fc.array(parameter, { maxLength: MAX_EXTENSION_PARAMETERS }) }),
    { maxLength: MAX_EXTENSION_OFFERS },
  );

  it("is undone by parseExtensions", () => {
    fc.assert(
      fc.property(offers, (list) => {
        assert.deepEqual(
          parseExtensions(formatExtensions(list)),
          list.map(({ name, parameters }) => ({ name, parameters: parameters.map((p) => ({ ...p })) })),
        );
      }),
    );
  });

  it("refuses parts that are not tokens", () => {
    for (const text of ["", "a b", "a\r\nX: y", 'a"']) {
      for (const offer of [
        { name: text, parameters: [] },
        { name: "a", parameters: [{ name: text, value: true as const }] },
        { name: "a", parameters: [{ name: "b", value: text }] },
      ]) {
        assert.throws(() => formatExtensions([offer]), UsageError);
      }
    }
  });
});
