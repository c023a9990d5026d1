import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { beginTurn, endOfTurn, endTurn, flushTurn } from "#node/connection/turn.js";

describe("the end of a turn", () => {
  it("flushes what has something to send because something else was flushed, at once and without another tick", () => {
    const ticks = mock.method(process, "nextTick");
    const seen: string[] = [];
    beginTurn();
    endOfTurn({
      flush() {
        seen.push("session");
        endOfTurn({ flush: () => void seen.push("its socket") });
      },
    });
    endTurn();
    ticks.mock.restore();
    assert.deepEqual(seen, ["session", "its socket"]);
    assert.equal(ticks.mock.callCount(), 0);
  });

  it("comes again for what is left where one throws", async () => {
    const seen: string[] = [];
    endOfTurn({
      flush() {
        endOfTurn({ flush: () => void seen.push("left") });
        throw new Error("not this one");
      },
    });
    assert.throws(flushTurn, { message: "not this one" });
    assert.equal(seen.length, 0);
    await new Promise(setImmediate);
    assert.deepEqual(seen, ["left"]);
    endOfTurn({ flush: () => void seen.push("later") });
    await new Promise(setImmediate);
    assert.deepEqual(seen, ["left", "later"]);
  });
});
