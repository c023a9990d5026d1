import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { PERMESSAGE_DEFLATE, readExtensions } from "../deflate-parameters.js";
import { expectGoodbye } from "../expectations.js";
import { fieldValues, type HttpHead } from "../http-head.js";
import { CaseFailure } from "../outcome.js";

/** What every request of a client has to be; the check gives what is wrong with it. */
const RULES: readonly (readonly [what: string, check: (request: HttpHead) => string | undefined])[] = [
  [
    "is a GET in HTTP/1.1 or newer",
    ({ startLine }) => (/^GET \S+ HTTP\/1\.[1-9]$/.test(startLine) ? undefined : startLine),
  ],
  [
    "has a target in origin form or absolute form, without fragment",
    ({ startLine }) => (/^GET (?:\/|https?:)[^ #]* /.test(startLine) ? undefined : startLine),
  ],
  ["has one Host that is not empty", (request) => onlyOne(request, "host", /./)],
  [
    "has an Upgrade that names websocket",
    (request) =>
      /(?:^|,)\s*websocket\s*(?:,|$)/i.test(fieldValues(request, "upgrade").join(","))
        ? undefined
        : "it does not",
  ],
  [
    "has a Connection that names Upgrade",
    (request) =>
      /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(fieldValues(request, "connection").join(","))
        ? undefined
        : "it does not",
  ],
  [
    "has one key of 16 bytes in base64",
    (request) => onlyOne(request, "sec-websocket-key", /^[A-Za-z0-9+/]{21}[AQgw]==$/),
  ],
  [
    "has a key that is not all zeros",
    (request) =>
      fieldValues(request, "sec-websocket-key")[0] === "AAAAAAAAAAAAAAAAAAAAAA==" ? "it is" : undefined,
  ],
  ["has the version 13, once", (request) => onlyOne(request, "sec-websocket-version", /^13$/)],
  [
    "has no Sec-WebSocket-Accept",
    ({ fields }) => (fields.some(([name]) => name === "sec-websocket-accept") ? "it has" : undefined),
  ],
  [
    "has extensions that are well-formed, if any",
    (request) => {
      const value = fieldValues(request, "sec-websocket-extensions").join(", ");
      return value === "" || readExtensions(value) !== undefined ? undefined : value;
    },
  ],
  [
    "offers permessage-deflate with valid parameters, if at all",
    (request) => {
      const value = fieldValues(request, "sec-websocket-extensions").join(", ");
      const offers = (value === "" ? [] : (readExtensions(value) ?? [])).filter(
        ({ name }) => name === PERMESSAGE_DEFLATE,
      );
      const isFine = offers.every(({ parameters }) =>
        [...parameters].every(([key, bits]) =>
          key.endsWith("_no_context_takeover")
            ? bits === undefined
            : /^(?:[89]|1[0-5])$/.test(bits ?? (key === "client_max_window_bits" ? "15" : "")),
        ),
      );
      return isFine ? undefined : value;
    },
  ],
  [
    "has no body",
    ({ fields }) =>
      fields.some(
        ([name, value]) => (name === "content-length" && value !== "0") || name === "transfer-encoding",
      )
        ? "it has"
        : undefined,
  ],
];

/** 28: the request with which a client begins. */
export const CLIENT_REQUESTS: readonly ConformanceCase[] = RULES.map(([what, check], i) =>
  conformanceCase({
    id: `28.1.${i + 1}`,
    section: "RFC 6455 §4.1",
    expectation: `The request of a client ${what}.`,
    roles: "client",
    async run(peer) {
      await peer.open();
      const problem = check(peer.request);
      if (problem !== undefined) throw new CaseFailure(`the request is not what it must be: ${problem}`);
      return expectGoodbye(peer);
    },
  }),
);

function onlyOne(request: HttpHead, name: string, pattern: RegExp): string | undefined {
  const values = fieldValues(request, name);
  if (values.length !== 1) return `${name} stands there ${values.length} times`;
  return pattern.test(values[0]!) ? undefined : `${name}: ${values[0]}`;
}
