import process from "node:process";
import { endpoint, serve } from "hawser/server";
import { answerRunner, contenderSettings, MANY_CONNECTIONS } from "../runner-link.js";

// Echoes on every path but /fan, where a message goes to all connections. With `http2` as its first argument it takes both.
const { isCompressing, tls } = contenderSettings();
const server = await serve({
  port: 0,
  maxConnections: MANY_CONNECTIONS,
  maxConnectionsPerAddress: MANY_CONNECTIONS,
  http2: process.argv[2] === "http2",
  ...(tls !== undefined && { tls }),
  ...(isCompressing && { compression: true, compressFromBytes: 0 }),
  routes: {
    "/fan": endpoint({
      message(_socket, data) {
        server.broadcast(data);
      },
    }),
    "/*": endpoint({
      message(socket, data) {
        socket.send(data);
      },
    }),
  },
});
answerRunner(server.port, () => server.connections.size);
