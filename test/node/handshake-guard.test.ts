import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { nowMs } from "#node/clock.js";
import { HandshakeGuard } from "#node/server/handshake-guard.js";

describe("HandshakeGuard", () => {
  it("drops nobody when the clock calls it before its time, as it does for far deadlines", () => {
    const startMs = nowMs();
    const stream = new PassThrough();
    const guard = new HandshakeGuard(stream, 60_000);
    const again = guard.onDeadline(startMs + 25_000);
    assert.ok(again >= startMs + 60_000 && again < startMs + 61_000);
    assert.equal(stream.destroyed, false);
    assert.equal(guard.onDeadline(again), Infinity);
    assert.equal(stream.destroyed, true);
    guard.release();
  });
});
