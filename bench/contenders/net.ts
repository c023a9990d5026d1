import { type AddressInfo, createServer } from "node:net";

// The floor: accepts anything as a handshake, then echoes bytes as they are. No WebSocket work at all.
const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.once("data", () => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    socket.on("data", (chunk) => socket.write(chunk));
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
