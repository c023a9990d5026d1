import { type AddressInfo, createServer } from "node:net";
import { answerRunner } from "../runner-link.js";

// The floor: answers anything as the handshake of the generator, then echoes bytes as they are. No WebSocket work at all.
const ANSWER =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

let connections = 0;
const server = createServer({ noDelay: true }, (socket) => {
  connections++;
  socket.on("error", () => {});
  socket.on("close", () => connections--);
  socket.once("data", () => {
    socket.write(ANSWER);
    socket.on("data", (chunk) => socket.write(chunk));
  });
});
server.listen(0, "127.0.0.1", () => {
  answerRunner((server.address() as AddressInfo).port, () => connections);
});
