import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "hawser/ws";
import { answerRunner, contenderSettings } from "../runner-link.js";

// The program of ws-server.ts with its import replaced: that is what is measured.
const { isCompressing, tls } = contenderSettings();
const httpServer = tls === undefined ? createHttpServer() : createHttpsServer(tls);
const server = new WebSocketServer({
  server: httpServer,
  perMessageDeflate: isCompressing ? { threshold: 0 } : false,
});
server.on("connection", (socket, request) => {
  const isFanOut = request.url === "/fan";
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => {
    if (isFanOut) for (const client of server.clients) client.send(data, { binary: isBinary });
    else socket.send(data, { binary: isBinary });
  });
});
httpServer.listen(0, "127.0.0.1", () => {
  answerRunner((httpServer.address() as AddressInfo).port, () => server.clients.size);
});
