import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { requireFetched } from "../fetched-packages.js";
import { ServerLink } from "../server-link.js";

// What is used of its API, so that no types of it are needed:
interface SockJsConnection {
  on(event: string, listener: (data: string) => void): void;
  write(data: string): boolean;
  readonly readyState: number;
}
interface SockJsServer {
  on(event: "connection", listener: (connection: SockJsConnection) => void): void;
  installHandlers(server: unknown, options: { readonly prefix: string }): void;
}

const OPEN = 1;
const sockjs = requireFetched("sockjs") as { createServer(options: object): SockJsServer };
const link = new ServerLink();
const { task } = link.settings;
const echo = sockjs.createServer({ log: () => {} });
const connections = new Set<SockJsConnection>();
echo.on("connection", (connection) => {
  connections.add(connection);
  connection.on("close", () => connections.delete(connection));
  // It keeps nothing: a number that comes up while nobody is there waits for the next connection, as an application would do it.
  if (task === "numbers") link.meet(waitingPeer(connection));
  connection.on("data", (data) => {
    if (task === "echo") connection.write(data);
    else if (task === "fan-out") for (const one of connections) one.write(data);
    else link.received(data);
  });
});
const http = createServer();
echo.installHandlers(http, { prefix: "/live" });
http.listen(0, "127.0.0.1", () => link.listens((http.address() as AddressInfo).port));

let waiting: string[] = [];

function waitingPeer(connection: SockJsConnection): { send(text: string): void } {
  const send = (text: string): void => {
    if (connection.readyState === OPEN) connection.write(text);
    else waiting.push(text);
  };
  const before = waiting;
  waiting = [];
  for (const text of before) send(text);
  return { send };
}
