import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { createHub } from "hawser/hub";
import { serve } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { DIALERS, TestSession } from "../support/session/test-session.js";

describe("a session on a server", () => {
  after(leakCheck());

  for (const via of DIALERS.keys()) {
    it(`echoes over ${via}`, async () => {
      const hub = createHub({ message: (session, data) => void session.send(data) });
      const server = await serve({ routes: { "/live": hub } });
      const client = await TestSession.open(`${server.url}/live`, { via });
      client.send("one");
      client.send(new Uint8Array([1, 2, 3]));
      client.send("x".repeat(200_000));
      const [one, two, three] = await client.messages(3);
      assert.equal(one, "one");
      assert.deepEqual([...(two as Uint8Array)], [1, 2, 3]);
      assert.equal(three, "x".repeat(200_000));
      const end = await client.close();
      assert.equal(end.isReset, false);
      await server.shutdown();
    });
  }
});
