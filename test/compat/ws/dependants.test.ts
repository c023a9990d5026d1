// biome-ignore-all lint/suspicious/noExplicitAny: the dependants are no dependencies of ours, so their types are not here.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { until } from "../../support/until.js";
import { type Client, hawser, next, patiently, ws } from "./implementations.js";
import { loadWith, type WsName } from "./load-dependant.js";

const BOTH: readonly WsName[] = ["ws", "hawser/ws"];
const API = { ws, "hawser/ws": hawser } as const;

for (const server of BOTH) {
  for (const client of BOTH) {
    describe(`Socket.IO: a server on ${server}, a client on ${client}`, () => {
      it("exchanges events, acknowledgements, bytes and broadcasts over WebSocket", async (t) => {
        const { io, url } = await socketIo(t, server);
        io.on("connection", (socket: any) => {
          socket.on("sum", (a: number, b: number, answer: (sum: number) => void) => answer(a + b));
          socket.on("bytes", (bytes: Buffer) => socket.emit("bytes", bytes, { length: bytes.length }));
          socket.on("shout", (text: string) => io.emit("heard", text, "to all"));
        });
        const sockets = [0, 1, 2].map(() => socketIoClient(t, client, url));
        await patiently(Promise.all(sockets.map((one) => once(one, "connect"))), "three connections");
        const [first] = sockets;
        for (const one of sockets) assert.ok(classOf(one) === API[client].name && isOf(one, client));
        assert.equal(await first.timeout(10_000).emitWithAck("sum", 2, 3), 5);
        const echoed = next(first, "bytes");
        first.emit("bytes", Buffer.alloc(70_000, "b"));
        const [bytes, { length }] = (await echoed) as [Buffer, { length: number }];
        assert.ok(Buffer.alloc(70_000, "b").equals(bytes));
        assert.equal(length, 70_000);
        const heard = Promise.all(sockets.map((one) => next(one, "heard")));
        first.emit("shout", "hällo");
        assert.deepEqual(await heard, [
          ["hällo", "to all"],
          ["hällo", "to all"],
          ["hällo", "to all"],
        ]);
      });

      it("upgrades from polling, with messages on the way", async (t) => {
        const { io, url } = await socketIo(t, server);
        const received: number[] = [];
        io.on("connection", (socket: any) => socket.on("number", (value: number) => received.push(value)));
        const socket = socketIoClient(t, client, url, { transports: ["polling", "websocket"] });
        for (let i = 0; i < 50; i++) socket.emit("number", i);
        await until(() => socket.io.engine?.transport.name === "websocket", "the upgrade");
        for (let i = 50; i < 100; i++) socket.emit("number", i);
        await until(() => received.length === 100, "a hundred numbers");
        assert.deepEqual(
          received,
          Array.from({ length: 100 }, (_, i) => i),
        );
      });

      it("tells each side why the other is gone", async (t) => {
        const { io, url } = await socketIo(t, server);
        const reasons = new Promise((resolve) => {
          io.on("connection", (socket: any) => socket.on("disconnect", resolve));
        });
        const socket = socketIoClient(t, client, url);
        await once(socket, "connect");
        socket.disconnect();
        assert.equal(await patiently(reasons, "disconnect"), "client namespace disconnect");
        const other = socketIoClient(t, client, url);
        await once(other, "connect");
        const gone = next(other, "disconnect");
        io.disconnectSockets(true);
        assert.equal((await gone)[0], "io server disconnect");
      });

      it("compresses with perMessageDeflate", async (t) => {
        const { io, url } = await socketIo(t, server, { perMessageDeflate: { threshold: 0 } });
        io.on("connection", (socket: any) => socket.on("text", (text: string) => socket.emit("text", text)));
        const socket = socketIoClient(t, client, url, { perMessageDeflate: { threshold: 0 } });
        await once(socket, "connect");
        const text = next(socket, "text");
        socket.emit("text", "again and ".repeat(5000));
        assert.equal((await text)[0], "again and ".repeat(5000));
        assert.equal(socket.io.engine.transport.ws.extensions, "permessage-deflate");
      });
    });
  }
}

for (const name of BOTH) {
  describe(`dependants with ${name} as their ws`, () => {
    it("graphql-ws: queries, subscriptions, completion and close codes", async (t) => {
      const { useServer } = loadWith(name, "graphql-ws/use/ws");
      const { createClient } = loadWith(name, "graphql-ws");
      const WebSocket = loadWith(name, "ws");
      const { GraphQLSchema, GraphQLObjectType, GraphQLString, GraphQLInt } = loadWith(name, "graphql");
      const schema = new GraphQLSchema({
        query: new GraphQLObjectType({
          name: "Query",
          fields: { hello: { type: GraphQLString, resolve: () => "world" } },
        }),
        subscription: new GraphQLObjectType({
          name: "Subscription",
          fields: {
            count: {
              type: GraphQLInt,
              subscribe: async function* () {
                for (let count = 0; count < 5; count++) yield { count };
              },
            },
          },
        }),
      });
      const { server, url } = await httpServer(t);
      const wss = new WebSocket.Server({ server, path: "/graphql" });
      assert.equal(wss instanceof API[name].WebSocketServer, true);
      const onConnect = ({ connectionParams }: any): boolean => connectionParams?.token !== "bad";
      useServer({ schema, onConnect }, wss);
      const connect = (connectionParams: object): any =>
        createClient({ url: `${url}/graphql`, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
      const client = connect({});
      assert.deepEqual(await collect(client, "{ hello }"), [{ hello: "world" }]);
      assert.deepEqual(
        (await collect(client, "subscription { count }")).map(({ count }) => count),
        [0, 1, 2, 3, 4],
      );
      await client.dispose();
      await assert.rejects(collect(connect({ token: "bad" }), "{ hello }"), (event: any) => {
        assert.equal(event.code, 4403);
        assert.equal(event.reason, "Forbidden");
        return true;
      });
    });

    it("y-websocket: two documents become one, on server and clients", async (t) => {
      const { setupWSConnection, docs } = loadWith(name, "y-websocket/bin/utils");
      const WebSocket = loadWith(name, "ws");
      const Y = loadWith(name, "yjs");
      const { WebsocketProvider } = loadWith(name, "y-websocket");
      const { server, url } = await httpServer(t);
      const wss = new WebSocket.Server({ noServer: true });
      server.on("upgrade", (request, socket, head) => {
        wss.handleUpgrade(request, socket, head, (one: any) => wss.emit("connection", one, request));
      });
      wss.on("connection", setupWSConnection);
      const documents = [0, 1].map(() => {
        const document = new Y.Doc();
        const provider = new WebsocketProvider(url, "room", document, {
          WebSocketPolyfill: WebSocket,
          disableBc: true,
        });
        t.after(() => {
          provider.destroy();
          document.destroy();
          for (const shared of docs.values()) shared.destroy(); // or its timers keep the process alive
        });
        return document;
      });
      const texts = documents.map((one) => one.getText("t"));
      texts[0].insert(0, "left ");
      texts[1].insert(0, "right ");
      await until(
        () => texts[0].toString() === texts[1].toString() && texts[0].length === 11,
        "the same text on both sides",
      );
      for (let i = 0; i < 200; i++) texts[i % 2].insert(0, String(i));
      await until(
        () => texts[0].toString() === texts[1].toString() && texts[0].length === 501,
        "all insertions",
      );
    });

    it("express-ws: routes with middleware", async (t) => {
      const express = loadWith(name, "express");
      const expressWs = loadWith(name, "express-ws");
      const WebSocket = loadWith(name, "ws");
      const { app, getWss } = expressWs(express());
      app.use((request: any, _response: unknown, go: () => void) => {
        request.who = "middleware";
        go();
      });
      app.ws("/echo/:room", (socket: Client, request: any) => {
        socket.on("message", (data) => socket.send(`${request.who} ${request.params.room} ${String(data)}`));
      });
      app.get("/plain", (_request: unknown, response: any) => response.send("plain"));
      const server = app.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const client: Client = new WebSocket(`ws://127.0.0.1:${port}/echo/blue`);
      await once(client, "open");
      const message = next(client, "message");
      client.send("hi");
      assert.equal(String((await message)[0]), "middleware blue hi");
      assert.equal(getWss().clients.size, 1);
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/plain`)).text(), "plain");
      const closed = next(client, "close");
      client.close();
      await closed;
      const nowhere: Client = new WebSocket(`ws://127.0.0.1:${port}/nowhere`);
      nowhere.on("error", () => {});
      await next(nowhere, "close");
    });

    it("@fastify/websocket: routes, hooks, injection without a network, and shutdown", async () => {
      const fastify = loadWith(name, "fastify")();
      await fastify.register(loadWith(name, "@fastify/websocket"), { options: { maxPayload: 1_048_576 } });
      const WebSocket = loadWith(name, "ws");
      fastify.get("/ws", { websocket: true, preValidation: refuseWithoutToken }, (socket: Client) => {
        socket.on("message", (data) => socket.send(`got ${String(data)}`));
      });
      await fastify.ready();
      const injected: Client = await fastify.injectWS("/ws?token=1");
      const answer = next(injected, "message");
      injected.send("injected");
      assert.equal(String((await answer)[0]), "got injected");
      injected.terminate();

      await fastify.listen({ port: 0, host: "127.0.0.1" });
      const { port } = fastify.server.address() as AddressInfo;
      const refused: Client = new WebSocket(`ws://127.0.0.1:${port}/ws`);
      const [error] = await next(refused, "error");
      assert.equal((error as Error).message, "Unexpected server response: 401");
      const client: Client = new WebSocket(`ws://127.0.0.1:${port}/ws?token=1`);
      await once(client, "open");
      const message = next(client, "message");
      client.send("over TCP");
      assert.equal(String((await message)[0]), "got over TCP");
      const closed = next(client, "close");
      await fastify.close();
      assert.equal((await closed)[0], 1005);
    });

    it("http-proxy: messages both ways, large ones too, and the close of the server", async (t) => {
      const WebSocket = loadWith(name, "ws");
      const { server, url } = await httpServer(t);
      const wss = new WebSocket.Server({ server, perMessageDeflate: true });
      const gone = new Promise((resolve) => {
        wss.on("connection", (socket: Client, request: any) => {
          socket.send(request.headers["x-forwarded-proto"]);
          socket.on("message", (data, isBinary) => {
            if (String(data) === "close") socket.close(4005, "as asked");
            else socket.send(data, { binary: isBinary });
          });
          socket.on("close", resolve);
        });
      });
      const front = await httpServer(t);
      const proxy = loadWith(name, "http-proxy").createProxyServer({ target: url, ws: true, xfwd: true });
      front.server.on("upgrade", (request, socket, head) => proxy.ws(request, socket, head));
      const client: Client = new WebSocket(front.url);
      const messages: number[] = [];
      client.on("message", (data) => messages.push((data as Buffer).length));
      await next(client, "open");
      for (let i = 0; i < 50; i++) client.send("x".repeat(100 * i));
      client.send(Buffer.alloc(1_000_000, "y"));
      await until(() => messages.length === 52, "all messages");
      assert.deepEqual(messages, [2, ...Array.from({ length: 50 }, (_, i) => 100 * i), 1_000_000]);
      assert.equal(client.extensions, "permessage-deflate");
      const closed = next(client, "close");
      client.send("close");
      const [code, reason] = await closed;
      assert.deepEqual([code, String(reason)], [4005, "as asked"]);
      assert.equal(await patiently(gone, "the end at the server"), 4005);
    });

    it("reconnecting-websocket: what is sent early arrives, and it comes back", async (t) => {
      const WebSocket = loadWith(name, "ws");
      const ReconnectingWebSocket = loadWith(name, "reconnecting-websocket");
      const { server, url } = await httpServer(t);
      const wss = new WebSocket.Server({ server });
      wss.on("connection", (socket: Client) =>
        socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
      );
      const options = { WebSocket, minReconnectionDelay: 1, maxReconnectionDelay: 1 };
      const socket = new ReconnectingWebSocket(url, [], options);
      t.after(() => socket.close());
      const event = (type: string): Promise<any> =>
        patiently(new Promise((resolve) => socket.addEventListener(type, resolve, { once: true })), type);
      socket.binaryType = "arraybuffer";
      socket.send("early");
      assert.equal((await event("message")).data, "early");
      const closed = event("close");
      for (const one of wss.clients) one.terminate();
      const { code, wasClean } = await closed;
      assert.deepEqual([code, wasClean], [1006, false]);
      await event("open");
      const answer = event("message");
      socket.send(new Uint8Array([1, 2, 3]));
      assert.deepEqual([...new Uint8Array((await answer).data)], [1, 2, 3]);
      socket.close(1000, "done");
      await until(() => wss.clients.size === 0, "the end of the connection");
    });

    it("isomorphic-ws: the same class under another name", async (t) => {
      const WebSocket = loadWith(name, "isomorphic-ws");
      assert.equal(WebSocket, API[name]);
      const wss = new WebSocket.Server({ port: 0, host: "127.0.0.1" });
      t.after(() => wss.close());
      await next(wss, "listening");
      wss.on("connection", (socket: Client) => socket.close(4001, "isomorphic"));
      const client = new WebSocket(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}`);
      const event = await patiently(
        new Promise<any>((resolve) => {
          client.onclose = resolve;
        }),
        "close",
      );
      assert.deepEqual([event.code, event.reason, event.wasClean], [4001, "isomorphic", true]);
    });

    it("eleventy-dev-server: live reload", async (t) => {
      const folder = mkdtempSync(join(tmpdir(), "hawser-11ty-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      writeFileSync(join(folder, "index.html"), "<!doctype html><p>page</p>");
      const DevServer = loadWith(name, "@11ty/eleventy-dev-server");
      const WebSocket = loadWith(name, "ws");
      const devServer = DevServer.getServer("test", folder, {
        logger: SILENT,
        showAllHosts: false,
        liveReload: true,
      });
      devServer.serve(0);
      await until(
        () => devServer.server?.listening === true && devServer.updateServer !== undefined,
        "the dev server",
      );
      const { port } = devServer.server.address() as AddressInfo;
      const client: Client = new WebSocket(`ws://127.0.0.1:${port}`);
      const greeting = next(client, "message");
      assert.equal(JSON.parse(String((await greeting)[0])).type, "eleventy.status");
      const reload = next(client, "message");
      await devServer.reload({ files: ["index.html"], build: { templates: [] } });
      assert.equal(JSON.parse(String((await reload)[0])).type, "eleventy.reload");
      const closed = next(client, "close");
      client.close();
      await closed;
      await devServer.close();
    });
  });
}

const SILENT = { log: () => {}, info: () => {}, error: () => {}, warn: () => {} };

function refuseWithoutToken(request: any, reply: any, go: () => void): void {
  if (request.query.token === undefined) reply.code(401).send("no token");
  else go();
}

/** Socket.IO with an implementation as its `wsEngine`; what its adapter takes of `ws` is of the same. */
async function socketIo(
  t: TestContext,
  name: WsName,
  options: object = {},
): Promise<{ io: any; url: string }> {
  const { Server } = loadWith(name, "socket.io");
  const { server, url } = await httpServer(t);
  const io = new Server(server, { wsEngine: API[name].Server, ...options });
  t.after(() =>
    patiently(new Promise<void>((resolve) => void io.close(() => resolve())), "the end of Socket.IO"),
  );
  return { io, url: url.replace("ws:", "http:") };
}

function socketIoClient(t: TestContext, name: WsName, url: string, options: object = {}): any {
  const { io } = loadWith(name, "socket.io-client");
  const socket = io(url, { transports: ["websocket"], forceNew: true, reconnection: false, ...options });
  t.after(() => socket.disconnect());
  return socket;
}

function classOf(socket: any): string {
  return socket.io.engine.transport.ws.constructor.name;
}

function isOf(socket: any, name: WsName): boolean {
  return socket.io.engine.transport.ws instanceof API[name];
}

async function httpServer(t: TestContext): Promise<{ server: ReturnType<typeof createServer>; url: string }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function collect(client: any, query: string): Promise<any[]> {
  const found: any[] = [];
  return patiently(
    new Promise((resolve, reject) => {
      client.subscribe(
        { query },
        { next: ({ data }: any) => found.push(data), error: reject, complete: () => resolve(found) },
      );
    }),
    query,
  );
}
