// Program: `node echo-server.js hawser|ws` listens, prints its port, and echoes until it is killed.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { serve } from "hawser/server";
import { WebSocketServer } from "ws";
import { ECHO_LIMITS, MAX_FRAGMENTS, MAX_MESSAGE_BYTES } from "./limits.js";

const SERVERS: Readonly<Record<string, () => Promise<number>>> = {
  async hawser() {
    const server = await serve({
      ...ECHO_LIMITS,
      compression: true,
      message: (socket, data) => void socket.send(data),
    });
    return server.port;
  },
  async ws() {
    const server = new WebSocketServer({
      port: 0,
      host: "127.0.0.1",
      perMessageDeflate: true,
      maxPayload: MAX_MESSAGE_BYTES,
      maxFragments: MAX_FRAGMENTS,
    });
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      socket.on("message", (data, binary) => socket.send(data, { binary }));
    });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },
};

console.log(await SERVERS[process.argv[2]!]!());
