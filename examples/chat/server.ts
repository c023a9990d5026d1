// The demo: a chat on sessions, and a laboratory that compares their transports. `npm start` builds and runs it; PORT and HOST
// say where.
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createServer } from "hawser/server";
import { chat } from "./chat.js";
import { lab, watchLabRequest, watchLabSocket } from "./lab.js";
import { staticFiles } from "./static-files.js";
import { tabOf } from "./tab.js";
import { wire } from "./wire.js";

/** A second Ctrl-C this soon is the same one: npm passes on what the terminal has sent to us already. */
const SAME_KEYPRESS_MS = 300;
const DRAIN_TIMEOUT_MS = 3_000;
/** Browsers keep connections for longer than Node: if one were closed here before, a request would meet its end. */
const KEEP_ALIVE_MS = 75_000;

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The pages: HTML and CSS as they are, their TypeScript as the build has compiled it, and Hawser as it is published. */
const pages = staticFiles({
  "/": [folder("../../../examples/chat/public/"), folder("public/")],
  "/hawser/": [fileURLToPath(new URL("..", import.meta.resolve("hawser")))],
});

const hawser = createServer({ routes: { "/chat": chat, "/lab/live": lab, "/wire": wire } });

// `serve` would do all of this. Here the sockets are looked at on their way: to count what goes over them, and to break them.
const http = createHttpServer({ keepAliveTimeout: KEEP_ALIVE_MS });
http.on("request", (request, response) => {
  const { path, query } = targetOf(request.url);
  if (path === "/lab/live") watchLabRequest(request, response, query);
  else if (path === "/chat") tabOf(query)?.watchRequest(request, response, query.get("via") ?? "");
  if (!hawser.handleRequest(request, response)) pages(request, response);
});
http.on("upgrade", (request, stream, firstBytes) => {
  const { path, query } = targetOf(request.url);
  const socket = stream as Socket;
  if (path === "/lab/live") watchLabSocket(socket, query);
  else if (path === "/chat" && tabOf(query)?.admitUpgrade(socket) === false) {
    socket.on("error", () => {}); // it is refused anyhow
    socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  void hawser.handleUpgrade(request, stream, firstBytes);
});
listen(process.env["HOST"] ?? "127.0.0.1", process.env["PORT"] ?? "8080");
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

function listen(host: string, portText: string): void {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) fail(`PORT must be a number from 0 to 65535, not "${portText}".`);
  http.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    const why = code === "EADDRINUSE" ? "it is taken by another process" : message;
    const another = port < 65_535 ? port + 1 : 8080;
    fail(`The demo cannot listen on ${host}:${port}: ${why}. Choose another port: PORT=${another} npm start`);
  });
  http.listen(port, host, () => {
    const { address, family, port: bound } = http.address() as AddressInfo;
    const url = `http://${family === "IPv6" ? `[${address}]` : address}:${bound}`;
    console.log(`The chat:           ${url}
The transport lab:  ${url}/lab

  Open the chat in two tabs and talk to yourself. Then cut the socket, block WebSocket, go offline:
  the chat goes on, and nothing is lost. In the lab the same messages go five ways at once.
  Ctrl-C stops the server, and the tabs wait until it is back.
`);
  });
}

let stoppingSinceMs: number | undefined;

async function stop(): Promise<void> {
  if (stoppingSinceMs !== undefined) {
    if (performance.now() - stoppingSinceMs > SAME_KEYPRESS_MS) process.exit(1);
    return;
  }
  stoppingSinceMs = performance.now();
  console.log("Stopping: every tab is told to come back later. Ctrl-C again does not wait for them.");
  http.close();
  await hawser.shutdown({ reason: "server shutting down", drainTimeoutMs: DRAIN_TIMEOUT_MS });
  http.closeAllConnections(); // nothing is left to do then, and the process ends by itself
}

function targetOf(url = "/"): { readonly path: string; readonly query: URLSearchParams } {
  const mark = url.indexOf("?");
  if (mark === -1) return { path: url, query: new URLSearchParams() };
  return { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark)) };
}

function fail(why: string): never {
  console.error(why);
  process.exit(1);
}
