import { isToken, trimWhitespace } from "../../protocol/handshake/http-token.js";

/** The export `subprotocol` of `ws`. */
export interface Subprotocol {
  /** Reads `Sec-WebSocket-Protocol`. @throws SyntaxError where it is malformed or names one twice. */
  parse(header: string): Set<string>;
}

/** Reads `Sec-WebSocket-Protocol` (RFC 6455 §11.3.4), in the order of the client's preference. */
export const subprotocol: Subprotocol = {
  parse(header) {
    const protocols = new Set<string>();
    for (const element of header.split(",")) {
      const protocol = trimWhitespace(element);
      if (!isToken(protocol)) throw new SyntaxError(`Unexpected character in ${JSON.stringify(header)}`);
      if (protocols.has(protocol)) throw new SyntaxError(`The "${protocol}" subprotocol is duplicated`);
      protocols.add(protocol);
    }
    return protocols;
  },
};
