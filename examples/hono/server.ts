// A chat with Hono: node build/examples/hono/server.js. PORT and HOST say where.
import process from "node:process";
import { eventHandlers, fetchEndpoint, serve, upgradeWebSocket as upgrade } from "hawser/server";
import { Hono } from "hono";
import { logger } from "hono/logger";
import { defineWebSocketHelper, type WSContext } from "hono/ws";

const { HOST = "127.0.0.1", PORT = "8080" } = process.env;

/** Hono's helper, for Hawser. */
const upgradeWebSocket = defineWebSocketHelper((context, events) =>
  upgrade(context.req.raw, eventHandlers(events)),
);

/** Who is in which room. */
const rooms = new Map<string, Set<WSContext>>();

function tell(room: string, text: string): void {
  for (const socket of rooms.get(room) ?? []) socket.send(text);
}

const app = new Hono();
app.use(logger());

app.get("/rooms", (context) =>
  context.json(Object.fromEntries([...rooms].map(([room, sockets]) => [room, sockets.size]))),
);

app.get(
  "/rooms/:room",
  async (context, next) => {
    if (context.req.query("name") === undefined) return context.text("Say who you are: ?name=...", 401);
    return next();
  },
  upgradeWebSocket((context) => {
    const room = context.req.param("room") ?? "";
    const name = context.req.query("name");
    return {
      onOpen(_event, socket) {
        const sockets = rooms.get(room) ?? new Set();
        rooms.set(room, sockets.add(socket));
        tell(room, `${name} is here`);
      },
      onMessage(event) {
        tell(room, `${name}: ${event.data}`);
      },
      onClose(_event, socket) {
        const sockets = rooms.get(room);
        sockets?.delete(socket);
        if (sockets?.size === 0) rooms.delete(room);
        tell(room, `${name} has left`);
      },
    };
  }),
);

const server = await serve({ ...fetchEndpoint(app.fetch), host: HOST, port: Number(PORT) });
console.log(`${server.url}/rooms/harbour?name=... is open. Ctrl-C stops it.`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.shutdown());
