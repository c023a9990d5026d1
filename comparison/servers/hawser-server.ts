import { createHub } from "hawser/hub";
import { serve } from "hawser/server";
import { ServerLink } from "../server-link.js";

const MANY = 100_000;
const link = new ServerLink();
const { task } = link.settings;
const hub = createHub({
  maxSessions: MANY,
  maxOpensPerSecond: MANY,
  maxSessionsPerAddress: MANY,
  open(session) {
    if (task === "numbers") link.meet({ send: (text) => void session.send(text) });
  },
  message(session, data) {
    if (task === "echo") session.send(data);
    else if (task === "fan-out") hub.broadcast(data);
    else link.received(String(data));
  },
});
const server = await serve({
  port: 0,
  maxConnections: MANY,
  maxConnectionsPerAddress: MANY,
  routes: { "/live": hub },
});
link.listens(server.port);
