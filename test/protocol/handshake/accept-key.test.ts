import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { acceptKey } from "#protocol/handshake/accept-key.js";
import { isWebSocketKey } from "#protocol/handshake/websocket-key.js";

const sha1Base64 = (text: string): string => createHash("sha1").update(text).digest("base64");

describe("acceptKey", () => {
  it("gives the value of RFC 6455 §1.3", () => {
    assert.equal(acceptKey("dGhlIHNhbXBsZSBub25jZQ==", sha1Base64), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("gives the value of another known key", () => {
    assert.equal(acceptKey("x3JJHMbDL1EzLkh9GBhXDw==", sha1Base64), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
  });
});

describe("isWebSocketKey", () => {
  it("takes 16 bytes in base64, whatever they are", () => {
    for (let i = 0; i < 1000; i++) assert.equal(isWebSocketKey(randomBytes(16).toString("base64")), true);
  });

  it("refuses other lengths, other digits and bits beyond the 16 bytes", () => {
    const refused = [
      "",
      "dGhlIHNhbXBsZSBub25jZQ",
      randomBytes(15).toString("base64"),
      randomBytes(17).toString("base64"),
      randomBytes(18).toString("base64"),
      "dGhlIHNhbXBsZSBub25jZR==", // a bit beyond the last byte
      "AQIDBAUGBwgJCgsMDQ4PEC==", // RFC 6455 §4.1, before erratum 3150
      "dGhlIHNhbXBsZSBub25j-Q==",
      "dGhlIHNhbXBsZSBub25j:Q==",
      "dGhlIHNhbXBs=SBub25jZQ==",
      " dGhlIHNhbXBsZSBub25jZQ=",
      "dGhlIHNhbXBsZSBub25jZQ= ",
    ];
    for (const key of refused) assert.equal(isWebSocketKey(key), false, key);
  });
});
