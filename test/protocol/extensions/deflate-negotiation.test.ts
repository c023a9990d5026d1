import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HandshakeError, UsageError } from "#core/hawser-error.js";
import {
  acceptDeflateOffer,
  assertDeflateOptions,
  checkDeflateAnswer,
  type DeflateOptions,
  type DeflateParameters,
  deflateOffer,
} from "#protocol/extensions/deflate-negotiation.js";
import { type ExtensionOffer, parseExtensions } from "#protocol/extensions/extension-grammar.js";

/** Server and client without context takeover, and their windows. */
type Agreed = readonly [server: boolean, client: boolean, serverBits: number, clientBits: number];

function agreed([server, client, serverBits, clientBits]: Agreed): DeflateParameters {
  return {
    serverNoContextTakeover: server,
    clientNoContextTakeover: client,
    serverMaxWindowBits: serverBits,
    clientMaxWindowBits: clientBits,
  };
}

function parse(value: string): ExtensionOffer[] {
  const offers = parseExtensions(value);
  assert.ok(offers !== undefined, `${value} must parse`);
  return offers;
}

const D = "permessage-deflate";
const SNCT = "server_no_context_takeover";
const CNCT = "client_no_context_takeover";
const SMWB = "server_max_window_bits";
const CMWB = "client_max_window_bits";

describe("acceptDeflateOffer", () => {
  const acceptedOffers: [string, DeflateOptions, string, Agreed][] = [
    [D, {}, D, [false, false, 15, 15]],
    [`${D}; ${CMWB}`, {}, D, [false, false, 15, 15]],
    [`${D}; ${SNCT}`, {}, `${D}; ${SNCT}`, [true, false, 15, 15]],
    [`${D}; ${CNCT}`, {}, `${D}; ${CNCT}`, [false, true, 15, 15]],
    [D, { serverNoContextTakeover: true }, `${D}; ${SNCT}`, [true, false, 15, 15]],
    [D, { clientNoContextTakeover: true }, `${D}; ${CNCT}`, [false, true, 15, 15]],
    [`${D}; ${SMWB}=10`, {}, `${D}; ${SMWB}=10`, [false, false, 10, 15]],
    [`${D}; ${SMWB}=15`, {}, `${D}; ${SMWB}=15`, [false, false, 15, 15]],
    [`${D}; ${SMWB}="10"`, {}, `${D}; ${SMWB}=10`, [false, false, 10, 15]],
    [`${D}; ${SMWB}=12`, { serverMaxWindowBits: 9 }, `${D}; ${SMWB}=9`, [false, false, 9, 15]],
    [D, { serverMaxWindowBits: 9 }, `${D}; ${SMWB}=9`, [false, false, 9, 15]],
    [`${D}; ${CMWB}`, { clientMaxWindowBits: 10 }, `${D}; ${CMWB}=10`, [false, false, 15, 10]],
    [`${D}; ${CMWB}=9`, { clientMaxWindowBits: 10 }, `${D}; ${CMWB}=9`, [false, false, 15, 9]],
    [`${D}; ${CMWB}=12`, {}, `${D}; ${CMWB}=12`, [false, false, 15, 12]],
    [`${D}; ${CMWB}=15`, { clientMaxWindowBits: true }, D, [false, false, 15, 15]],
    [`${D}; ${CMWB}=8; ${SMWB}=8`, {}, `${D}; ${SMWB}=8; ${CMWB}=8`, [false, false, 8, 8]],
    [`x-other, ${D}; unknown, ${D}; ${SNCT}`, {}, `${D}; ${SNCT}`, [true, false, 15, 15]],
    [`${D}, ${D}; ${SNCT}`, {}, D, [false, false, 15, 15]],
    [`${D}, ${D}; ${CMWB}`, { clientMaxWindowBits: 9 }, `${D}; ${CMWB}=9`, [false, false, 15, 9]],
  ];
  for (const [offer, options, response, parameters] of acceptedOffers) {
    it(`answers ${offer} with ${response} given ${JSON.stringify(options)}`, () => {
      assert.deepEqual(acceptDeflateOffer(parse(offer), options), {
        parameters: agreed(parameters),
        response,
      });
    });
  }

  const declined: [string, DeflateOptions?][] = [
    [""],
    ["x-webkit-deflate-frame"],
    ["Permessage-Deflate"],
    ["__proto__"],
    [`${D}; unknown`],
    [`${D}; unknown=10`],
    [`${D}; __proto__`],
    [`${D}; constructor=10`],
    [`${D}; ${SNCT}; ${SNCT}`],
    [`${D}; ${CMWB}; ${CMWB}=10`],
    [`${D}; ${SNCT}=true`],
    [`${D}; ${CNCT}=10`],
    [`${D}; ${SMWB}`],
    ...["08", "7", "16", "0", "-8", "+8", "8.0", "1e1", "0xA", "010", "a"].flatMap((bits): [string][] => [
      [`${D}; ${SMWB}=${bits}`],
      [`${D}; ${CMWB}=${bits}`],
    ]),
    [D, { clientMaxWindowBits: 14 }],
  ];
  for (const [offer, options = {}] of declined) {
    it(`declines "${offer}" given ${JSON.stringify(options)}`, () => {
      assert.equal(acceptDeflateOffer(parse(offer), options), undefined);
    });
  }

  it("never throws, and never answers what the grammar does not know", () => {
    const name = fc.constantFrom(SNCT, CNCT, SMWB, CMWB, "unknown");
    const value = fc.oneof(fc.constant<true>(true), fc.constantFrom("8", "12", "15", "08"), fc.string());
    const offers = fc.array(
      fc.record({ name: fc.constantFrom(D, "x"), parameters: fc.array(fc.record({ name, value })) }),
    );
    fc.assert(
      fc.property(offers, (list) => {
        const accepted = acceptDeflateOffer(list, {});
        if (accepted !== undefined) assert.equal(parse(accepted.response).length, 1);
      }),
    );
  });
});

describe("deflateOffer", () => {
  const offers: [DeflateOptions, string][] = [
    [{}, `${D}; ${CMWB}`],
    [{ clientMaxWindowBits: true }, `${D}; ${CMWB}`],
    [{ clientMaxWindowBits: false }, D],
    [{ clientMaxWindowBits: 10 }, `${D}; ${CMWB}=10`],
    [{ clientMaxWindowBits: 15 }, `${D}; ${CMWB}=15`],
    [{ serverMaxWindowBits: 15 }, `${D}; ${CMWB}`],
    [
      { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 8 },
      `${D}; ${SNCT}; ${CNCT}; ${SMWB}=8; ${CMWB}`,
    ],
    [{ serverNoContextTakeover: false, clientNoContextTakeover: false }, `${D}; ${CMWB}`],
  ];
  for (const [options, offer] of offers) {
    it(`offers ${offer} for ${JSON.stringify(options)}`, () => assert.equal(deflateOffer(options), offer));
  }
});

describe("checkDeflateAnswer", () => {
  const taken: [string, DeflateOptions, Agreed | undefined][] = [
    ["", {}, undefined],
    ["", { serverNoContextTakeover: true }, undefined],
    [D, {}, [false, false, 15, 15]],
    [`${D}; ${SNCT}`, {}, [true, false, 15, 15]],
    [`${D}; ${CNCT}`, {}, [false, true, 15, 15]],
    [D, { clientNoContextTakeover: true }, [false, true, 15, 15]],
    [`${D}; ${SMWB}=9`, {}, [false, false, 9, 15]],
    [`${D}; ${SMWB}=9`, { serverMaxWindowBits: 10 }, [false, false, 9, 15]],
    [`${D}; ${CMWB}=9`, {}, [false, false, 15, 9]],
    [`${D}; ${CMWB}="9"`, { clientMaxWindowBits: true }, [false, false, 15, 9]],
    [D, { clientMaxWindowBits: 10 }, [false, false, 15, 10]],
    [`${D}; ${CMWB}=12`, { clientMaxWindowBits: 10 }, [false, false, 15, 10]],
    [D, { clientMaxWindowBits: false }, [false, false, 15, 15]],
  ];
  for (const [answer, options, parameters] of taken) {
    it(`takes "${answer}" given ${JSON.stringify(options)}`, () => {
      const expected = parameters && agreed(parameters);
      assert.deepEqual(checkDeflateAnswer(parse(answer), options), expected);
    });
  }

  const refused: [string, DeflateOptions, string][] = [
    ["x-other", {}, "UNREQUESTED_EXTENSION"],
    [`${D}, x-other`, {}, "UNREQUESTED_EXTENSION"],
    ["PERMESSAGE-DEFLATE", {}, "UNREQUESTED_EXTENSION"],
    [`${D}; ${CMWB}=10`, { clientMaxWindowBits: false }, "UNREQUESTED_EXTENSION"],
    [`${D}, ${D}`, {}, "INVALID_EXTENSIONS"],
    [`${D}; unknown`, {}, "INVALID_EXTENSIONS"],
    [`${D}; __proto__`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${SNCT}; ${SNCT}`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${SNCT}=1`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${CMWB}`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${SMWB}`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${SMWB}=7`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${SMWB}=16`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${SMWB}=1000`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${CMWB}=08`, {}, "INVALID_EXTENSIONS"],
    [`${D}; ${SMWB}=11`, { serverMaxWindowBits: 10 }, "INVALID_EXTENSIONS"],
    [D, { serverMaxWindowBits: 10 }, "INVALID_EXTENSIONS"],
    [D, { serverNoContextTakeover: true }, "INVALID_EXTENSIONS"],
  ];
  for (const [answer, options, code] of refused) {
    it(`refuses "${answer}" given ${JSON.stringify(options)}`, () => {
      const result = checkDeflateAnswer(parse(answer), options);
      assert.ok(result instanceof HandshakeError);
      assert.equal(result.code, code);
    });
  }
});

describe("assertDeflateOptions", () => {
  it("takes all that the type allows", () => {
    for (const bits of [8, 15] as const) {
      assertDeflateOptions({ serverMaxWindowBits: bits, clientMaxWindowBits: bits });
    }
    assertDeflateOptions({});
    assertDeflateOptions({ clientMaxWindowBits: true, serverNoContextTakeover: false });
  });

  it("refuses all else", () => {
    const refused: unknown[] = [
      null,
      true,
      "permessage-deflate",
      { serverNoContextTakeover: 1 },
      { clientNoContextTakeover: "true" },
      { serverMaxWindowBits: 7 },
      { serverMaxWindowBits: 16 },
      { serverMaxWindowBits: 9.5 },
      { serverMaxWindowBits: "9" },
      { serverMaxWindowBits: true },
      { clientMaxWindowBits: 7 },
      { clientMaxWindowBits: Number.NaN },
      { clientMaxWindowBits: null },
    ];
    for (const options of refused) {
      assert.throws(
        () => assertDeflateOptions(options as DeflateOptions),
        (error) => error instanceof UsageError && error.code === "INVALID_OPTION",
      );
      assert.throws(() => deflateOffer(options as DeflateOptions), UsageError);
    }
  });
});
