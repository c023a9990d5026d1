// The demo: a chat that shows its own wire. `npm start` builds and runs it; PORT and HOST say where.
import process from "node:process";
import { fileURLToPath } from "node:url";
import { CloseCode, type ListeningServer, serve, UsageError } from "hawser/server";
import { chat } from "./chat.js";
import { staticFiles } from "./static-files.js";
import { wire } from "./wire.js";

/** A second Ctrl-C this soon is the same one: npm passes on what the terminal has sent to us already. */
const SAME_KEYPRESS_MS = 300;

/** The page: HTML and CSS as they are, and its TypeScript as the build has compiled it. */
const page = staticFiles([
  fileURLToPath(new URL("../../../examples/chat/public/", import.meta.url)),
  fileURLToPath(new URL("public/", import.meta.url)),
]);

const server = await start(process.env["HOST"] ?? "127.0.0.1", process.env["PORT"] ?? "8080");
const address = server.url.replace(/^ws/, "http");
console.log(`The chat is at ${address}

  Open it in two tabs and talk to yourself. Send a long text, then an image.
  Watch the wire beside it: handshake, frames, heartbeats; ping it, close it with a code.
  Ctrl-C stops the server, and the tabs are told why.
`);
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

async function start(host: string, portText: string): Promise<ListeningServer> {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) fail(`PORT must be a number from 0 to 65535, not "${portText}".`);
  try {
    return await serve({ host, port, request: page, routes: { "/chat": chat, "/wire": wire } });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const another = port < 65_535 ? port + 1 : 8080;
    fail(`The demo ${error.message}. Choose another port: PORT=${another} npm start`);
  }
}

let stoppingSinceMs: number | undefined;

function stop(): void {
  if (stoppingSinceMs !== undefined) {
    if (performance.now() - stoppingSinceMs > SAME_KEYPRESS_MS) process.exit(1);
    return;
  }
  stoppingSinceMs = performance.now();
  console.log("Stopping: every tab is told (1001, going away). Ctrl-C again does not wait for them.");
  // Nothing is left to do then, and the process ends by itself.
  void server.shutdown({ code: CloseCode.goingAway, reason: "server shutting down", drainTimeoutMs: 3_000 });
}

function fail(why: string): never {
  console.error(why);
  process.exit(1);
}
