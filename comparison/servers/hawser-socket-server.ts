import { serve } from "hawser/server";
import { ServerLink } from "../server-link.js";

const MANY = 100_000;
const link = new ServerLink();
const { task } = link.settings;
const server = await serve({
  port: 0,
  maxConnections: MANY,
  maxConnectionsPerAddress: MANY,
  message(socket, data) {
    if (task === "echo") socket.send(data);
    else if (task === "fan-out") server.broadcast(data);
  },
});
link.listens(server.port);
