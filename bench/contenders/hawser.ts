import { endpoint, serve } from "hawser/server";

// Echoes on every path but /fan, where a message goes to all connections.
const server = await serve({
  port: 0,
  maxConnections: 200_000,
  maxConnectionsPerAddress: 200_000,
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
process.stdout.write(`${server.port}\n`);
