import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import crossws, { fromNodeUpgradeHandler } from "crossws/adapters/node";
import { connect } from "hawser/client";
import { createServer } from "hawser/server";

describe("crossws", () => {
  it("leaves an upgrade to Hawser through fromNodeUpgradeHandler", async () => {
    const sockets = createServer({ message: (socket, data) => void socket.send(`hawser: ${data}`) });
    const hooks = fromNodeUpgradeHandler(
      async (request, socket, head) => void (await sockets.handleUpgrade(request, socket, head)),
    );
    const adapter = crossws({ hooks });
    const http = createHttpServer().listen(0, "127.0.0.1");
    http.on("upgrade", (request, socket, head) => {
      // As crossws/server/node makes it.
      const runtime = { name: "node", node: { req: request, upgrade: { socket, head } } };
      const web = Object.assign(new Request(`http://${request.headers.host}${request.url}`), { runtime });
      void adapter.handleUpgrade(request, socket, head, web);
    });
    await once(http, "listening");
    const client = await connect(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/any`);
    client.send("hello");
    for await (const message of client) {
      assert.equal(message, "hawser: hello");
      break;
    }
    await sockets.shutdown();
    await adapter.close();
    http.close();
    await once(http, "close");
  });
});
