import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { acceptKey } from "#protocol/handshake/accept-key.js";

/** A server that speaks bytes: what it answers is up to the test. */
export interface RawServer {
  readonly port: number;
  /** `ws://127.0.0.1:port`. */
  readonly url: string;
  /** The request heads that came, in order. */
  readonly requests: string[];
  readonly sockets: Set<Socket>;
}

/** Listens on loopback until the test ends; `answer` gets each request head, once it is complete. */
export async function rawServer(
  t: TestContext,
  answer: (socket: Socket, head: string) => void,
  listen: ListenOptions = { port: 0, host: "127.0.0.1" },
): Promise<RawServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    onHead(socket, (head) => {
      requests.push(head);
      answer(socket, head);
    });
  });
  server.listen(listen);
  await once(server, "listening");
  t.after(() => closeServer(server, sockets));
  const address = server.address();
  const port = typeof address === "object" ? (address as AddressInfo).port : 0;
  return { port, url: `ws://127.0.0.1:${port}`, requests, sockets };
}

/** Calls back with the first head that comes; what follows is left to the listeners of the test. */
export function onHead(socket: Socket, call: (head: string) => void): void {
  let text = "";
  const onData = (chunk: Buffer): void => {
    text += chunk.toString("latin1");
    if (!text.includes("\r\n\r\n")) return;
    socket.off("data", onData);
    call(text);
  };
  socket.on("data", onData);
}

/** Ends a server with its connections. */
export function closeServer(server: Server, sockets: Iterable<Socket>): Promise<unknown> {
  const closed = once(server, "close");
  server.close();
  for (const socket of sockets) socket.destroy();
  return closed;
}

/** The value of a header field in a head; undefined if it is not there. */
export function headerOf(head: string, name: string): string | undefined {
  const prefix = `${name.toLowerCase()}: `;
  const line = head.split("\r\n").find((one) => one.toLowerCase().startsWith(prefix));
  return line?.slice(prefix.length);
}

/** The right answer to a request, with more header fields, each with its line end. */
export function switching(head: string, fields = ""): string {
  const key = headerOf(head, "sec-websocket-key") ?? "";
  const accept = acceptKey(key, (text) => createHash("sha1").update(text).digest("base64"));
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${fields}\r\n`;
}

/** A frame of a server with less than 126 bytes of payload. */
export function serverFrame(opcode: number, payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload as string, "utf8");
  return Buffer.concat([Buffer.of(0x80 | opcode, bytes.length), bytes]);
}
