import { WebSocket } from "hawser/client";
import { testCertificate } from "../../support/certificate.js";
import { MAX_MESSAGE_BYTES } from "../limits.js";
import type { Peer } from "../peer.js";
import { W3cEnd, type W3cSocket } from "../w3c-end.js";

/** Hawser's class with the interface of the web. */
export const hawserWebSocket: Peer = {
  name: "Hawser's WebSocket",
  abilities: new Set(["tls", "empty-close", "deflate", "lone-surrogates"]),

  connect(url, { protocols, deflate, isSecure }) {
    const socket = new WebSocket(url, [...protocols], {
      maxMessageBytes: MAX_MESSAGE_BYTES,
      compression: deflate ?? false,
      ...(isSecure && { tls: { ca: testCertificate().ca } }),
    });
    return new W3cEnd(socket as unknown as W3cSocket).opened();
  },
};
