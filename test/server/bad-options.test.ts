import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { createServer as createHttp } from "node:http";
import { after, describe, it } from "node:test";
import { createHub } from "hawser/hub";
import { attach, createServer, fetchEndpoint, serve, upgradeWebSocket } from "hawser/server";
import { invalidOption } from "../support/invalid-option.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient } from "../support/raw-client.js";

/** What must be refused, and how the message has to begin: with the name of the option. */
const WRONG: readonly [options: object, named: string][] = [
  [{ message: 5 }, "message"],
  [{ open: null }, "open"],
  [{ upgrade: "x" }, "upgrade"],
  [{ http: {} }, "http"],
  [{ shutdown: true }, "shutdown"],
  [{ refused: "log" }, "refused"],
  [{ clientAddress: "127.0.0.1" }, "clientAddress"],
  [{ compression: "yes" }, "compression"],
  [{ compression: null }, "compression"],
  [{ compression: 1 }, "compression"],
  [{ protocols: "chat" }, "protocols"],
  [{ broker: {} }, "broker"],
  [{ broker: null }, "broker"],
  [{ autoPong: "no" }, "autoPong"],
  [{ highWaterMarkBytes: 2, maxBufferedBytes: 1 }, "highWaterMarkBytes"],
  [{ routes: null }, "routes"],
  [{ routes: [] }, "routes"],
  [{ routes: new Map([["/a", {}]]) }, "routes"],
  [{ routes: { "/a/:x": {}, "/a/:y": {} } }, "two routes for /a/:y"],
  [{ routes: { "/a/:x/*": {}, "/a/:y/*": {} } }, "two routes for /a/:y/*"],
  [{ routes: { "/a/:x/:x": {} } }, "a route names each part once"],
  [{ routes: { "/a": 5 } }, "the route /a"],
  [{ routes: { "/a": () => {} } }, "the route /a"],
  [{ routes: { "/a": null } }, "the route /a"],
  [{ routes: { "/a": { endpoint: 5 } } }, "the route /a"],
  [{ routes: { "/a": { message: 5 } } }, "message"],
  [{ routes: { "/a": { compression: "yes" } } }, "compression"],
];

/** And only with a port of its own. */
const WRONG_WITH_PORT: readonly [options: object, named: string][] = [
  [{ request: "x" }, "request"],
  [{ http2: "yes" }, "http2"],
  [{ reusePort: 1 }, "reusePort"],
  [{ tls: null }, "tls"],
  [{ tls: true }, "tls"],
  [{ tls: {} }, "tls has no certificate"],
  [{ tls: { ca: "x" } }, "tls has no certificate"],
  [{ host: "" }, "host"],
  [{ path: 5 }, "path"],
  [{ host: 5 }, "host"],
  [{ path: "/tmp/a.sock", port: 80 }, "path"],
];

const NO_OBJECTS: readonly unknown[] = [null, 8080, "ws://127.0.0.1", () => {}, []];

const invalid = (named: string) => invalidOption("startsWith", named);

describe("options of a server that cannot be", () => {
  after(leakCheck());

  it("are refused by name before it listens", async () => {
    for (const [options, named] of [...WRONG, ...WRONG_WITH_PORT])
      await assert.rejects(serve(options), invalid(named), named);
  });

  it("are refused by name wherever its requests come from", () => {
    const http = createHttp();
    for (const [options, named] of WRONG) {
      assert.throws(() => createServer(options), invalid(named), named);
      assert.throws(() => attach(http, options), invalid(named), named);
    }
    assert.equal(http.listenerCount("upgrade"), 0);
  });

  it("are refused where they are no options at all", async () => {
    for (const options of NO_OBJECTS as readonly object[]) {
      await assert.rejects(serve(options), invalid("options"));
      assert.throws(() => createServer(options), invalid("options"));
      assert.throws(() => attach(createHttp(), options), invalid("options"));
    }
  });

  it("are refused where a hub stands in their place, with a word on where it goes", async () => {
    const hub = createHub({});
    await assert.rejects(serve(hub as object), invalid("a hub goes into routes"));
    await hub.shutdown();
  });

  it("are refused where subprotocols are no names", async () => {
    for (const protocols of [["a b"], [""], ["chat", "chat"], [5]])
      await assert.rejects(serve({ protocols: protocols as string[] }), {
        name: "UsageError",
        code: "INVALID_PROTOCOL_NAME",
      });
  });

  it("are all their defaults where they are left out", async () => {
    const server = await serve();
    const client = await RawClient.open({ port: server.port });
    assert.equal(client.status, 101);
    await client.destroy();
    await server.shutdown();
    await createServer().shutdown();
    await attach(createHttp()).shutdown();
  });

  it("are refused for what is no HTTP server, such as the application of Express", () => {
    const application = Object.assign(() => {}, new EventEmitter(), { listen: () => {} });
    for (const http of [undefined, null, {}, application, new EventEmitter()])
      assert.throws(
        () => attach(http as unknown as ReturnType<typeof createHttp>, {}),
        invalid("attach needs"),
      );
  });

  it("are refused for one connection as for all", async () => {
    const refusals: unknown[] = [];
    const server = await serve({
      ...fetchEndpoint((request) => upgradeWebSocket(request, { message: 5 } as object)),
      refused: ({ cause }) => void refusals.push(cause),
    });
    const client = await RawClient.open({ port: server.port });
    assert.equal(client.status, 500);
    assert.equal(refusals.length, 1);
    invalid("message")(refusals[0]);
    await client.gone;
    await server.shutdown();
  });
});
