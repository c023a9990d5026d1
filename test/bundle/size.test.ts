import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BUNDLES, bundle, gzippedBytes } from "#scripts/bundle.js";

/**
 * What a page may pay, minified and gzipped, in bytes: what is reached and a little room, so that growth is noticed. What is
 * wanted is 6,000 for a WebSocket only (docs/decisions.md).
 */
const MAX_WEBSOCKET_ONLY_BYTES = 8_684;
const MAX_FALLBACKS_BYTES = 2_500;

describe("the client of sessions in a bundle", () => {
  it("with a WebSocket only, and what its fallbacks add, is within its budget", async () => {
    const [webSocketOnly, connect] = [
      gzippedBytes(await bundle(BUNDLES.webSocketOnly)),
      gzippedBytes(await bundle(BUNDLES.connect)),
    ];
    assert.ok(webSocketOnly <= MAX_WEBSOCKET_ONLY_BYTES, `WebSocket only: ${webSocketOnly} bytes`);
    assert.ok(
      connect - webSocketOnly <= MAX_FALLBACKS_BYTES,
      `all fallbacks: ${connect - webSocketOnly} bytes more`,
    );
  });

  it("leaves out the transports that are not named, and the race where there is one", async () => {
    const [webSocketOnly, connect] = [await bundle(BUNDLES.webSocketOnly), await bundle(BUNDLES.connect)];
    for (const text of ["text/plain", ".recall"]) {
      assert.ok(!webSocketOnly.includes(text), text);
      assert.ok(connect.includes(text), text);
    }
  });
});
