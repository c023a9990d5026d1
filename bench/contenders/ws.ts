import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
server.on("connection", (socket: WebSocket, request) => {
  socket.on("message", (data, isBinary) => {
    if (request.url === "/fan") for (const client of server.clients) client.send(data, { binary: isBinary });
    else socket.send(data, { binary: isBinary });
  });
});
