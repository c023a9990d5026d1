import assert from "node:assert/strict";
import { after, describe, it, mock } from "node:test";
import { connect } from "hawser/client";
import { accept, serve } from "hawser/server";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { rounds } from "../support/until.js";

// In a file of its own: behind it the clock that all connections share is a minute ahead.
describe("the deadline of connect()", () => {
  after(leakCheck());

  it("is not over sooner where the process had nothing to do for long", async () => {
    const asked = new Inbox<void>("question");
    const server = await serve({
      async upgrade() {
        asked.push();
        await rounds(20); // longer than a deadline that is over takes to be seen
        return accept();
      },
    });
    const { now } = performance;
    mock.method(performance, "now", () => now.call(performance) + 60_000);
    try {
      const socket = await connect(server.url);
      await asked.next();
      assert.equal(socket.state, "open");
      await socket.close();
    } finally {
      mock.restoreAll();
    }
    await server.shutdown();
  });
});
