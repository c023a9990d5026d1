import {
  type ExtensionOffer,
  type ExtensionParameter,
  formatExtensions,
  parseExtensions,
} from "../../protocol/extensions/extension-grammar.js";

import { trimWhitespace } from "../../protocol/handshake/http-token.js";

/** The parameters of one offer: each name with its values, in order; true stands for a parameter without value. */
export type ExtensionParameters = Record<string, (string | true)[]>;

/** Every extension with its offers. No prototype, since the names come from the peer. */
export type ExtensionOffers = Record<string, ExtensionParameters[]>;

/** What may stand for a parameter when a header is written: as it is parsed, or shorter. */
type ParameterValue = string | number | boolean;
type LooseParameters = Readonly<Record<string, ParameterValue | readonly ParameterValue[] | undefined>>;

/** The export `extension` of `ws`: `Sec-WebSocket-Extensions` as objects. */
export interface Extension {
  /** Reads the header. @throws SyntaxError where it is malformed. */
  parse(header: string): ExtensionOffers;
  /** Writes the header. */
  format(extensions: Readonly<Record<string, LooseParameters | readonly LooseParameters[]>>): string;
}

/** Reads and writes `Sec-WebSocket-Extensions` (RFC 6455 §9.1) as the objects that `ws` uses. */
export const extension: Extension = {
  parse(header) {
    // Empty elements of a list are legal (RFC 9110 §5.6.1.2); `ws` refuses them. No value can have a comma in it.
    const hasEmptyElement = header.split(",").some((element) => trimWhitespace(element) === "");
    const offers = hasEmptyElement ? undefined : parseExtensions(header);
    if (offers === undefined) throw new SyntaxError(`Unexpected character in ${JSON.stringify(header)}`);
    const byName: ExtensionOffers = Object.create(null);
    for (const { name, parameters } of offers) {
      const values: ExtensionParameters = Object.create(null);
      for (const { name: key, value } of parameters) (values[key] ??= []).push(value);
      (byName[name] ??= []).push(values);
    }
    return byName;
  },

  format(extensions) {
    const offers: ExtensionOffer[] = [];
    for (const [name, configurations] of Object.entries(extensions)) {
      for (const parameters of [configurations].flat() as LooseParameters[])
        offers.push({ name, parameters: parameterList(parameters) });
    }
    return formatExtensions(offers);
  },
};

function parameterList(parameters: LooseParameters): ExtensionParameter[] {
  return Object.entries(parameters).flatMap(([name, values]) =>
    ([values].flat() as ParameterValue[]).map((value) => ({
      name,
      value: value === true ? true : String(value),
    })),
  );
}
