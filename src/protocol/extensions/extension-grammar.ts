import { UsageError } from "../../core/hawser-error.js";
import { isToken, isTokenChar, isWhitespace } from "../handshake/http-token.js";

/** One parameter of an extension. Lists of these keep repeated names, which a `Map` would hide. */
export interface ExtensionParameter {
  readonly name: string;
  /** The value without its quotes, or true if there is none. */
  readonly value: string | true;
}

/** One element of `Sec-WebSocket-Extensions`: in a request an offer, in a response what was accepted. */
export interface ExtensionOffer {
  readonly name: string;
  /** In the order in which they were written, repeated names included. */
  readonly parameters: readonly ExtensionParameter[];
}

/** Elements in one header; browsers send 1, and clients with fallbacks for permessage-deflate 3 or 4. */
export const MAX_EXTENSION_OFFERS = 32;

/** Parameters of one element; permessage-deflate has 4. */
export const MAX_EXTENSION_PARAMETERS = 16;

/**
 * Reads `Sec-WebSocket-Extensions` (RFC 6455 §9.1); undefined if it is malformed or above the caps. Several header
 * fields are read as one, joined by commas. Empty elements are skipped (RFC 9110 §5.6.1.2), so "" gives [].
 */
export function parseExtensions(value: string): ExtensionOffer[] | undefined {
  const scanner = new Scanner(value);
  const offers: ExtensionOffer[] = [];
  for (;;) {
    while (scanner.skip(",")) {
      // An empty element.
    }
    if (scanner.atEnd()) return offers;
    const offer = readOffer(scanner);
    if (offer === undefined || offers.length === MAX_EXTENSION_OFFERS) return undefined;
    offers.push(offer);
    if (!scanner.atEnd() && !scanner.skip(",")) return undefined;
  }
}

function readOffer(scanner: Scanner): ExtensionOffer | undefined {
  const name = scanner.readToken();
  if (name === undefined) return undefined;
  const parameters: ExtensionParameter[] = [];
  while (scanner.skip(";")) {
    const parameter = readParameter(scanner);
    if (parameter === undefined || parameters.length === MAX_EXTENSION_PARAMETERS) return undefined;
    parameters.push(parameter);
  }
  return { name, parameters };
}

function readParameter(scanner: Scanner): ExtensionParameter | undefined {
  const name = scanner.readToken();
  if (name === undefined) return undefined;
  if (!scanner.skip("=")) return { name, value: true };
  const value = scanner.skip('"') ? scanner.readQuotedToken() : scanner.readToken();
  return value === undefined ? undefined : { name, value };
}

/** Walks a text once. RFC 6455 uses the grammar of RFC 2616 §2.1, which allows whitespace between any two tokens. */
class Scanner {
  readonly #text: string;
  #index = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipWhitespace();
  }

  atEnd(): boolean {
    return this.#index === this.#text.length;
  }

  /** Steps over `char`, if it is the next one, and the whitespace after it. */
  skip(char: "," | ";" | "=" | '"'): boolean {
    if (this.#text[this.#index] !== char) return false;
    this.#index++;
    if (char !== '"') this.#skipWhitespace();
    return true;
  }

  readToken(): string | undefined {
    const start = this.#index;
    while (isTokenChar(this.#text.charCodeAt(this.#index))) this.#index++;
    if (this.#index === start) return undefined;
    const token = this.#text.slice(start, this.#index);
    this.#skipWhitespace();
    return token;
  }

  /** Reads up to the closing quote. §9.1: what is left after unescaping must be a token. */
  readQuotedToken(): string | undefined {
    let token = "";
    while (!this.atEnd()) {
      if (this.#text[this.#index] === '"') {
        this.#index++;
        this.#skipWhitespace();
        return token === "" ? undefined : token;
      }
      if (this.#text[this.#index] === "\\") this.#index++;
      if (!isTokenChar(this.#text.charCodeAt(this.#index))) return undefined;
      token += this.#text[this.#index++];
    }
    return undefined;
  }

  #skipWhitespace(): void {
    while (isWhitespace(this.#text.charCodeAt(this.#index))) this.#index++;
  }
}

/** Writes a value for `Sec-WebSocket-Extensions`. A {@link UsageError} `INVALID_HEADER` if a part is not a token. */
export function formatExtensions(offers: readonly ExtensionOffer[]): string {
  return offers.map(formatOffer).join(", ");
}

function formatOffer(offer: ExtensionOffer): string {
  let text = assertToken(offer.name);
  for (const { name, value } of offer.parameters) {
    text += `; ${assertToken(name)}`;
    if (value !== true) text += `=${assertToken(value)}`;
  }
  return text;
}

function assertToken(text: string): string {
  if (!isToken(text)) throw new UsageError("INVALID_HEADER", `Not a token: ${JSON.stringify(text)}`);
  return text;
}
