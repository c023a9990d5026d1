import process from "node:process";
import { Agent, WebSocket } from "undici";
import { testCertificate } from "../../support/certificate.js";
import { MAX_MESSAGE_BYTES } from "../limits.js";
import type { Peer } from "../peer.js";
import { W3cEnd, type W3cSocket } from "../w3c-end.js";

/** The npm package `undici`, of which Node's own `WebSocket` is made. */
export const undici: Peer = {
  name: "undici",
  abilities: new Set(["tls", "empty-close", "deflate", "lone-surrogates"]),

  connect(url, { protocols }) {
    const dispatcher = new Agent({
      connect: { ca: testCertificate().ca },
      webSocket: { maxPayloadSize: MAX_MESSAGE_BYTES },
    });
    const socket = new WebSocket(url, { protocols: [...protocols], dispatcher });
    return new W3cEnd(socket as unknown as W3cSocket).opened();
  },
};

/** The `WebSocket` of this version of Node, if it has one. */
export function nodeWebSocket(): Peer | undefined {
  const BuiltIn: unknown = Reflect.get(globalThis, "WebSocket");
  if (typeof BuiltIn !== "function") return undefined;
  return {
    name: `the WebSocket of Node ${process.version}`,
    // Not "tls": it cannot be told to trust our certificate.
    abilities: new Set(["empty-close", "deflate", "lone-surrogates"]),
    connect(url, { protocols }) {
      const socket: W3cSocket = Reflect.construct(BuiltIn, [url, [...protocols]]);
      return new W3cEnd(socket).opened();
    },
  };
}
