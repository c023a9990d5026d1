import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { type ServerOptions, type WebSocket as Socket, WebSocketServer } from "ws";

/** A server of the package `ws` that sends back what it gets. */
export interface EchoServer {
  readonly url: string;
  readonly server: WebSocketServer;
  /** The requests that were upgraded, in order. */
  readonly requests: IncomingMessage[];
  /** The other ends of the connections, in order. */
  readonly sockets: Socket[];
}

/** Listens on loopback until the test ends. */
export async function echoServer(t: TestContext, options: ServerOptions = {}): Promise<EchoServer> {
  const requests: IncomingMessage[] = [];
  const sockets: Socket[] = [];
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  server.on("connection", (socket, request) => {
    requests.push(request);
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await once(server, "listening");
  t.after(async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of server.clients) socket.terminate();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}`, server, requests, sockets };
}
