import { createHub } from "hawser/hub";
import { serve } from "hawser/server";
import { answerRunner, MANY_CONNECTIONS } from "../runner-link.js";

// As hawser-server, with sessions.
const many = {
  maxSessions: MANY_CONNECTIONS,
  maxSessionsPerAddress: MANY_CONNECTIONS,
  maxOpensPerSecond: MANY_CONNECTIONS,
};
const fan = createHub({ ...many, message: (_session, data) => void fan.broadcast(data) });
const echo = createHub({ ...many, message: (session, data) => void session.send(data) });
const server = await serve({
  port: 0,
  maxConnections: MANY_CONNECTIONS,
  maxConnectionsPerAddress: MANY_CONNECTIONS,
  routes: { "/fan": fan, "/*": echo },
});
// Connections, and not sessions: those of clients that went are kept for a while.
answerRunner(server.port, () => server.connections.size);
