import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serve } from "hawser/server";
import { SESSION_SUBPROTOCOL } from "#node/session-subprotocol.js";
import {
  SESSION_CONNECTION_OPTIONS,
  type WebSocketTransport,
  webSocketHandlers,
} from "#node/transports/websocket-transport.js";
import { RawClient } from "../support/raw-client.js";
import { until } from "../support/until.js";

describe("a WebSocket of a session whose client does not answer the close", () => {
  // What a session that was evicted held was kept until the connection was gone, outside of every budget: three times `maxHeldBytes`.
  it("lets go of its session at once", async () => {
    const ends: string[] = [];
    let transport: WebSocketTransport | undefined;
    const receiver = {
      block() {},
      drained() {},
      lost() {},
      closed: (code: number, reason: string) => void ends.push(`${code} ${reason}`),
    };
    const server = await serve({
      ...SESSION_CONNECTION_OPTIONS,
      ...webSocketHandlers((opened) => {
        transport = opened;
        opened.receiver = receiver;
      }),
      protocols: [SESSION_SUBPROTOCOL],
    });
    const client = await RawClient.open({
      port: server.port,
      headers: { "Sec-WebSocket-Protocol": SESSION_SUBPROTOCOL },
    });
    await until(() => transport !== undefined, "the transport is there");
    transport!.close(4201, "the server needs its memory");
    assert.notEqual(transport!.receiver, receiver);
    assert.deepEqual(ends, [], "not from within `close`");
    await until(() => ends.length > 0, "its receiver was told");
    assert.equal(server.connections.size, 1, "the client has not answered");
    await client.destroy();
    await until(() => server.connections.size === 0, "the client is gone");
    assert.deepEqual(ends, ["4201 the server needs its memory"]);
    await server.shutdown({ drainTimeoutMs: 0 });
  });
});
