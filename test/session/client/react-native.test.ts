import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WebSocket } from "hawser/client";
import { createHub } from "hawser/hub";
import { serve } from "hawser/server";
import { connectOver } from "#session/universal/connect-web.js";
import { webSocketDialer } from "#web/websocket-dialer.js";
import { Inbox } from "../../support/inbox.js";

/** That of React Native has the attribute in its types, and never a value. */
class ReactNativeWebSocket extends WebSocket {
  override get bufferedAmount(): number {
    return undefined as never;
  }
}

describe("a session on React Native", () => {
  it("sends, although its WebSocket does not say how much waits", async (t) => {
    const hub = createHub({ message: (session, data) => void session.send(`${String(data)} and back`) });
    const server = await serve({ port: 0, routes: { "/live": hub } });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    const inbox = new Inbox<unknown>("answer");
    const session = connectOver(
      (url) => webSocketDialer(url, ReactNativeWebSocket as never),
      `${server.url}/live`,
      { message: (_session, data) => inbox.push(data) },
    );
    t.after(() => session.close());
    session.send("there");
    assert.equal(await inbox.next(), "there and back");
    await session.close();
  });
});
