import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { connect, type Session } from "hawser";
import { createHub } from "hawser/hub";
import { createServer, serve } from "hawser/server";
import { until } from "../../support/until.js";

describe("the choice of a transport", () => {
  it("looks for a better one at once when the application says so", async () => {
    let isBlocked = true;
    const hawser = createServer({ routes: { "/live": createHub({}) } });
    const http = createHttpServer((request, response) => void hawser.handleRequest(request, response));
    http.on("upgrade", (request, stream, firstBytes) => {
      if (isBlocked) stream.destroy();
      else void hawser.handleUpgrade(request, stream, firstBytes);
    });
    await once(http.listen(0, "127.0.0.1"), "listening");
    const session = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}/live`);
    await until(() => session.state.status === "live", "it is live");
    assert.equal(transportOf(session), "stream");
    isBlocked = false;
    session.reconnect();
    await until(() => transportOf(session) === "websocket", "it is over a WebSocket");
    await session.close();
    await hawser.shutdown();
    http.close();
    http.closeAllConnections();
  });

  it("is not taken from a session that had none", async () => {
    await using server = await serve({ routes: { "/live": createHub({}) } });
    const polling = connect(`${server.url}/live`, { transports: ["polling"] });
    await until(() => polling.state.status === "live", "the first is live");
    const other = connect(`${server.url}/live`);
    await until(() => other.state.status === "live", "the other is live");
    assert.equal(transportOf(other), "websocket");
    await Promise.all([polling.close(), other.close()]);
  });
});

function transportOf({ state }: Session): string | undefined {
  return state.status === "live" ? state.transport : undefined;
}
