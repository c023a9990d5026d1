// Compiled and never run: the drop-in as a CommonJS program in TypeScript imports it, as with @types/ws.
import WebSocket = require("hawser/ws");

declare module "hawser/ws" {
  interface WebSocket {
    isAlive?: boolean;
  }
}

const server: WebSocket.Server = new WebSocket.Server({ port: 0 });
server.on("connection", (socket: WebSocket, request) => {
  socket.on("message", (data: WebSocket.RawData) => socket.send(`${String(request.url)} ${String(data)}`));
});
const { WebSocketServer, createWebSocketStream, WebSocket: Same } = WebSocket;
const second: WebSocket.WebSocketServer = new WebSocketServer({ noServer: true });
const client: WebSocket.WebSocket = new Same("ws://example.com");
client.isAlive = true;
export = { server, second, stream: createWebSocketStream(client), state: WebSocket.OPEN satisfies 1 };
