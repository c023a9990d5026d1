// A process of the memory test: listens with one kind of server, and reports its memory when told to.
// Run with `node --expose-gc idle-server.js <kind>`; every message from the parent is answered by a report.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { serve } from "hawser/server";
import { WebSocketServer } from "ws";

/** The kinds of servers whose connections are weighed. */
export type ServerKind = "net" | "hawser" | "ws" | "hawser-deflate" | "ws-deflate";

/** What a server process says about itself. */
export interface MemoryReport {
  readonly connections: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

/** The first message of a server process. */
export interface Listening {
  readonly port: number;
}

interface Listener {
  readonly port: number;
  count(): number;
}

const MAX_CONNECTIONS = 100_000;

const kind = process.argv[2] as ServerKind;
const listener = await listen(kind);
process.on("message", () => void report());
process.on("disconnect", () => process.exit(0));
process.send?.({ port: listener.port } satisfies Listening);

async function listen(wanted: ServerKind): Promise<Listener> {
  switch (wanted) {
    case "net":
      return listenNet();
    case "hawser":
    case "hawser-deflate":
      return listenHawser(wanted === "hawser-deflate");
    case "ws":
    case "ws-deflate":
      return listenWs(wanted === "ws-deflate");
  }
}

/** The floor: a TCP server that answers the handshake, and has nothing of its own for a connection. */
async function listenNet(): Promise<Listener> {
  let count = 0;
  const server = createNetServer((socket) => {
    count++;
    socket.on("data", (chunk) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(chunk.toString("latin1"))?.[1];
      if (key === undefined) return;
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
    socket.on("error", () => {});
    socket.on("close", () => count--);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, count: () => count };
}

async function listenHawser(compression: boolean): Promise<Listener> {
  const server = await serve({
    maxConnections: MAX_CONNECTIONS,
    maxConnectionsPerAddress: MAX_CONNECTIONS,
    compression,
    message: (socket, data) => void socket.send(data),
  });
  return { port: server.port, count: () => server.connections.size };
}

async function listenWs(perMessageDeflate: boolean): Promise<Listener> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
    socket.on("error", () => {});
  });
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, count: () => server.clients.size };
}

async function report(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await delay(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ connections: listener.count(), rss, heapUsed, external } satisfies MemoryReport);
}
