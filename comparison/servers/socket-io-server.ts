import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { requireFetched } from "../fetched-packages.js";
import { ServerLink } from "../server-link.js";

// What is used of its API, so that no types of it are needed:
interface IoSocket {
  on(event: string, listener: (data: string) => void): void;
  emit(event: string, data: string): void;
  join(room: string): void;
}
interface IoServer {
  on(event: "connection", listener: (socket: IoSocket) => void): void;
  emit(event: string, data: string): void;
  to(room: string): { emit(event: string, data: string): void };
}

const { Server } = requireFetched("socket.io") as {
  Server: new (server: unknown, options: unknown) => IoServer;
};
const link = new ServerLink();
const { task } = link.settings;
const http = createServer();
const io = new Server(http, {
  serveClient: false,
  // As long as a session of Hawser waits.
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
});
io.on("connection", (socket) => {
  if (task === "numbers") {
    // To a room, as its documentation has it: what is sent meanwhile is kept for who comes back.
    socket.join("client");
    link.meet({ send: (text) => io.to("client").emit("message", text) });
  }
  socket.on("message", (data) => {
    if (task === "echo") socket.emit("message", data);
    else if (task === "fan-out") io.emit("message", data);
    else link.received(data);
  });
});
http.listen(0, "127.0.0.1", () => link.listens((http.address() as AddressInfo).port));
