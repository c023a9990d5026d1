import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ScriptedSession } from "./scripted-session.js";

describe("the policies of a client's channels at a full outbox", () => {
  for (const policy of ["latest-per-key", "drop-oldest"] as const) {
    it(`${policy} drops nothing of its own for a message that does not fit all the same`, () => {
      const { session } = new ScriptedSession(["websocket"], { maxOutboxBytes: 10_000 });
      const channel = session.channel("own", { policy });
      assert.equal(channel.send("9.99", { key: "HAWS" }), "sent");
      assert.equal(channel.send("1.00", { key: "OTHER" }), "sent");
      const files = session.channel("files");
      while (files.send("x".repeat(100)) !== "dropped");
      while (files.send("") !== "dropped");
      const { queuedBytes } = channel;
      assert.equal(channel.send("x".repeat(400), { key: "HAWS" }), "dropped");
      assert.deepEqual([channel.queuedBytes, channel.dropped], [queuedBytes, 1]);
      // What fits when one of them is gone takes its place.
      assert.equal(channel.send("9.98", { key: "HAWS" }), "sent");
      assert.deepEqual([channel.queuedBytes, channel.dropped], [queuedBytes, 2]);
      // What needs the room of all of them gets it.
      assert.equal(channel.send("x".repeat(72), { key: "THIRD" }), "sent");
      assert.deepEqual([channel.queuedBytes, channel.dropped], [136, 4]);
    });
  }

  it("drops nothing for a message that is longer than its queue", () => {
    const { session } = new ScriptedSession(["websocket"]);
    const channel = session.channel("own", { policy: "drop-oldest", maxQueuedBytes: 1_000 });
    for (let i = 0; i < 3; i++) assert.equal(channel.send("x".repeat(200)), "sent");
    // One that is alone always fits.
    assert.equal(channel.send("x".repeat(2_000)), "sent");
    assert.equal(channel.dropped, 3);
  });
});
