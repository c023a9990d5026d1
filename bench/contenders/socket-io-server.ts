import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { FETCHED } from "../fetched.js";
import { answerRunner } from "../runner-link.js";

// Socket.IO is fetched on demand and no dependency of this repository. What is used of its API:
interface IoSocket {
  on(event: string, listener: (data: unknown) => void): void;
  emit(event: string, data: unknown): void;
}
interface IoServer {
  on(event: "connection", listener: (socket: IoSocket) => void): void;
  emit(event: string, data: unknown): void;
  readonly engine: { readonly clientsCount: number };
}

const { Server } = createRequire(FETCHED)("socket.io") as {
  Server: new (server: unknown, options: unknown) => IoServer;
};
const httpServer = createServer();
const server = new Server(httpServer, { transports: ["websocket"], serveClient: false });
server.on("connection", (socket) => {
  socket.on("message", (data) => socket.emit("message", data));
  socket.on("fan", (data) => server.emit("fan", data));
});
httpServer.listen(0, "127.0.0.1", () => {
  answerRunner((httpServer.address() as AddressInfo).port, () => server.engine.clientsCount);
});
