// What a runtime has to be able to do: runs in Node, Bun and Deno. Each check is a server and a client of its own.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type ClientConnection,
  type ConnectOptions,
  connect,
  WebSocket,
  WebSocketStream,
} from "hawser/client";
import {
  attach,
  type FetchHandler,
  fetchEndpoint,
  type ListeningServer,
  type ServeOptions,
  type ServerConnection,
  serve,
  toDuplex,
  upgradeWebSocket,
} from "hawser/server";

/** A certificate for 127.0.0.1. */
export interface CheckContext {
  readonly cert: string;
  readonly key: string;
}

const echo = (socket: ServerConnection, data: string | Buffer): void => void socket.send(data);

async function take(socket: ClientConnection): Promise<string | Buffer> {
  for await (const message of socket) return message;
  throw new Error("the connection ended");
}

async function withServer<Data = undefined>(
  options: ServeOptions<Data>,
  use: (server: ListeningServer) => Promise<void>,
): Promise<void> {
  const server = await serve(options);
  try {
    await use(server);
  } finally {
    await server.shutdown({ drainTimeoutMs: 1_000 });
  }
}

/** The checks by their name; each throws if it fails. */
export const RUNTIME_CHECKS: Readonly<Record<string, (context: CheckContext) => Promise<void>>> = {
  "serve and connect: text, binary, large messages, close codes": () =>
    withServer({ message: echo }, async ({ url }) => {
      const socket = await connect(url);
      for (const message of ["hé😀", "", Buffer.of(0, 255), Buffer.alloc(300_000, 7), "x".repeat(100_000)]) {
        socket.send(message);
        assert.deepEqual(await take(socket), message);
      }
      const { code, wasClean } = await socket.close(3001, "bye");
      assert.deepEqual([code, wasClean], [3001, true]);
    }),

  "serve: an open connection outlives the time for its handshake": () =>
    withServer({ message: echo, handshakeTimeoutMs: 1_500 }, async ({ url }) => {
      const socket = await connect(url);
      await delay(2_000);
      socket.send("still here");
      assert.equal(await take(socket), "still here");
      await socket.close();
    }),

  "serve: ordinary requests, 426 without a handler, 404 for other paths": async () => {
    await withServer({ request: (_request, response) => response.end("page") }, async ({ url }) => {
      assert.equal(await (await fetch(url.replace("ws", "http"))).text(), "page");
    });
    await withServer({ routes: { "/a": {} } }, async ({ url }) => {
      const answer = await fetch(`${url.replace("ws", "http")}/a`);
      await answer.text();
      assert.equal(answer.status, 426);
      const nowhere = await fetch(`${url.replace("ws", "http")}/b`);
      await nowhere.text();
      assert.equal(nowhere.status, 404);
      const { status } = (await connect(`${url}/b`).catch((error: unknown) => error)) as { status: number };
      assert.equal(status, 404);
    });
  },

  "serve: shutdown lets a request that is being answered finish": () =>
    withServer(
      {
        request(_request, response) {
          response.write("first ");
          setTimeout(() => response.end("second"), 100);
        },
      },
      async (server) => {
        const answer = await fetch(server.url.replace("ws", "http"));
        const shutdown = server.shutdown();
        assert.equal(await answer.text(), "first second");
        await shutdown;
      },
    ),

  "limits on connections, heads and messages": () =>
    withServer({ maxConnections: 1, maxHeaderBytes: 1_000, maxMessageBytes: 10 }, async ({ url }) => {
      const statusOf = async (options: ConnectOptions): Promise<unknown> =>
        ((await connect(url, options).catch((error: unknown) => error)) as { status?: number }).status;
      assert.equal(await statusOf({ headers: { "x-large": "x".repeat(2_000) } }), 431);
      const socket = await connect(url);
      assert.equal(await statusOf({}), 503);
      socket.send("more than 10 bytes");
      assert.equal((await socket.closed).code, 1009);
    }),

  "attach: beside an HTTP server": async () => {
    const http = createServer((_request, response) => response.end("ordinary"));
    const sockets = attach(http, { routes: { "/echo": { message: echo } } });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const { port } = http.address() as AddressInfo;
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "ordinary");
    const socket = await connect(`ws://127.0.0.1:${port}/echo`);
    socket.send("hello");
    assert.equal(await take(socket), "hello");
    await socket.close();
    await sockets.shutdown();
    http.closeAllConnections();
    http.close();
  },

  TLS: ({ cert, key }) =>
    withServer({ tls: { cert, key }, message: echo }, async ({ url }) => {
      assert.ok(url.startsWith("wss:"));
      const socket = await connect(url, { tls: { ca: cert } });
      socket.send("x".repeat(200_000));
      assert.equal((await take(socket)).length, 200_000);
      await socket.close();
    }),

  "a Unix socket": () =>
    withServer({ path: join(tmpdir(), `hawser-${process.pid}.sock`), message: echo }, async ({ url }) => {
      const socket = await connect(url);
      socket.send("hello");
      assert.equal(await take(socket), "hello");
      await socket.close();
    }),

  "W3C WebSocket": () =>
    withServer({ message: echo }, async ({ url }) => {
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      await new Promise((resolve) => socket.addEventListener("open", resolve));
      const echoed = new Promise<MessageEvent>((resolve) => socket.addEventListener("message", resolve));
      socket.send(new Blob(["héllo"]));
      assert.equal(new TextDecoder().decode((await echoed).data), "héllo");
      const closed = new Promise<number>((resolve) => {
        socket.addEventListener("close", ({ code }) => resolve(code));
      });
      socket.close(3000);
      assert.equal(await closed, 3000);
    }),

  "the runtime's own WebSocket as client": () =>
    withServer({ compression: true, message: echo }, async ({ url }) => {
      const Native = (globalThis as unknown as { WebSocket?: typeof WebSocket }).WebSocket;
      if (Native === undefined) return; // Node 20
      const socket = new Native(url);
      await new Promise((resolve) => socket.addEventListener("open", resolve));
      const echoed = new Promise<MessageEvent>((resolve) => socket.addEventListener("message", resolve));
      socket.send("hello".repeat(1_000));
      assert.equal((await echoed).data, "hello".repeat(1_000));
      const closed = new Promise<number>((resolve) => {
        socket.addEventListener("close", ({ code }) => resolve(code));
      });
      socket.close(3000);
      assert.equal(await closed, 3000);
    }),

  "WebSocketStream and toDuplex": () =>
    withServer({ message: echo }, async ({ url }) => {
      const stream = new WebSocketStream(url);
      const { readable, writable } = await stream.opened;
      const writer = writable.getWriter();
      await writer.write("hi");
      assert.equal((await readable.getReader().read()).value, "hi");
      await writer.close();
      assert.deepEqual(await stream.closed, { closeCode: 1005, reason: "" });
      const duplex = toDuplex(await connect(url));
      duplex.end("bytes");
      let text = "";
      for await (const chunk of duplex) text += chunk;
      assert.equal(text, "bytes");
    }),

  "a fetch handler": async () => {
    const handler: FetchHandler = (request) =>
      request.headers.get("upgrade") === "websocket"
        ? upgradeWebSocket(request, { message: echo })
        : new Response("web page");
    await withServer(fetchEndpoint(handler), async ({ url }) => {
      assert.equal(await (await fetch(url.replace("ws", "http"))).text(), "web page");
      const socket = await connect(url);
      socket.send("hello");
      assert.equal(await take(socket), "hello");
      await socket.close();
    });
  },

  broadcast: () =>
    withServer({}, async (server) => {
      const sockets = await Promise.all([1, 2, 3].map(() => connect(server.url)));
      assert.equal(server.broadcast("all").sent, 3);
      for (const socket of sockets) assert.equal(await take(socket), "all");
      for (const socket of sockets) await socket.close();
    }),

  "permessage-deflate, with the window kept from message to message": () =>
    withServer({ compression: true, message: echo }, async ({ url }) => {
      const socket = await connect(url);
      assert.match(socket.extensions, /permessage-deflate/);
      for (let i = 0; i < 10; i++) {
        const text = `message ${i} of many that are much the same `.repeat(500);
        socket.send(text);
        assert.equal(await take(socket), text);
      }
      await socket.close();
    }),

  "heartbeat: pings are answered, and who answers none is dropped": async () => {
    await withServer({ pingIntervalMs: 100 }, async ({ url }) => {
      let pings = 0;
      const socket = await connect(url, {
        ping: () => {
          pings++;
        },
      });
      while (pings < 2) await delay(20);
      assert.equal(typeof (await socket.ping()), "number");
      await socket.close();
    });
    await withServer({ pingIntervalMs: 100, pongTimeoutMs: 200 }, async ({ url }) => {
      const mute = await connect(url, { autoPong: false });
      assert.equal((await mute.closed).code, 1006);
    });
  },

  "backpressure both ways: what is not read waits at its sender": () => {
    const chunk = Buffer.alloc(65_536);
    const count = 480;
    const room = { maxBufferedBytes: 1e9, maxConnectionMemoryBytes: Infinity, pingIntervalMs: 0 };
    let received = 0;
    return withServer(
      {
        ...room,
        open(socket) {
          for (let i = 0; i < count; i++) socket.send(chunk);
        },
        message(_socket, data) {
          received += data.length;
        },
      },
      async (server) => {
        const socket = await connect(server.url, room);
        await delay(150);
        const [other] = server.connections;
        assert.ok(other!.bufferedBytes > 0, "nobody reads, and yet all has left");
        let taken = 0;
        for await (const message of socket) if ((taken += message.length) === count * chunk.length) break;

        other!.pause();
        for (let i = 0; i < count; i++) socket.send(chunk);
        assert.equal(socket.send(chunk), "queued");
        await delay(150);
        assert.ok(socket.bufferedBytes > 0, "nobody reads, and yet all has left");
        other!.resume();
        assert.equal(await socket.ready(), true);
        while (received < (count + 1) * chunk.length) await delay(10);
        await socket.close();
      },
    );
  },

  "a lost connection is an error and 1006": () =>
    withServer({ message: (socket) => socket.terminate() }, async ({ url }) => {
      const socket = await connect(url);
      socket.send("x");
      const { code, error } = await socket.closed;
      assert.equal(code, 1006);
      assert.match(error?.code ?? "", /CONNECTION_LOST|TRANSPORT_ERROR/);
    }),

  "a peer that ends TCP is noticed": () =>
    withServer({}, async (server) => {
      const tcp = connectTcp(server.port, "127.0.0.1");
      tcp.write(
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      await new Promise((resolve) => tcp.once("data", resolve));
      const [socket] = server.connections;
      tcp.end();
      assert.equal((await socket!.closed).wasClean, false);
    }),
};

/** What Bun cannot do: its HTTP server reads beneath the sockets that it shows, and keeps to deadlines of its own. */
export const NODE_AND_DENO_CHECKS: typeof RUNTIME_CHECKS = {
  "a head that never ends is dropped after handshakeTimeoutMs": () =>
    withServer({ handshakeTimeoutMs: 200 }, async (server) => {
      const tcp = connectTcp(server.port, "127.0.0.1");
      tcp.on("error", () => {});
      tcp.resume();
      tcp.write("GET / HTTP/1.1\r\nHost: x\r\n");
      await new Promise((resolve) => tcp.once("close", resolve));
    }),
};
