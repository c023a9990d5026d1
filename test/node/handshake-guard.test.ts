import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { nowMs } from "#node/clock.js";
import { HandshakeGuard } from "#node/server/handshake-guard.js";

describe("HandshakeGuard", () => {
  it("drops nobody when the clock calls it before its time, as it does for far deadlines", () => {
    let timeouts = 0;
    const startMs = nowMs();
    const guard = new HandshakeGuard(new PassThrough(), 60_000, () => timeouts++);
    const again = guard.onDeadline(startMs + 25_000);
    assert.ok(again >= startMs + 60_000 && again < startMs + 61_000);
    assert.equal(timeouts, 0);
    assert.equal(guard.onDeadline(again), Infinity);
    assert.equal(timeouts, 1);
    guard.release();
  });
});
