// A process of its own: runs one load, as a client of a server or as the server of a client, and tells the runner.
import { createHash } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import { LoadConnection } from "#bench/load-connection.js";
import type { LoadPlan } from "#bench/load-plan.js";
import type { LoadReport } from "#bench/load-report.js";
import { type LoadObserver, runLoad, runOnConnections } from "#bench/run-load.js";
import type { Ready } from "./runner-link.js";

/** What the generator is to do; its argument, as JSON. */
export interface GeneratorJob {
  /** The server to be driven; undefined makes the generator a server for clients. */
  readonly url: string | undefined;
  readonly plan: LoadPlan;
}

/** What the generator says, beside {@link Ready} as a server. To `began` and `ended` it wants an answer. */
export type GeneratorMessage =
  | { readonly event: "began" | "ended" }
  | { readonly event: "report"; readonly report: LoadReport }
  | { readonly event: "failed"; readonly reason: string };

const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const job = JSON.parse(process.argv[2]!) as GeneratorJob;
const observer: LoadObserver = {
  began: () => handshake("began"),
  ended: () => handshake("ended"),
};
process.on("disconnect", () => process.exit(0));
try {
  const report = job.url === undefined ? await driveClients() : await runLoad(job.url, job.plan, observer);
  say({ event: "report", report });
} catch (error) {
  say({ event: "failed", reason: error instanceof Error ? error.message : String(error) });
}

function say(message: GeneratorMessage | Ready): void {
  process.send?.(message);
}

function handshake(event: "began" | "ended"): Promise<void> {
  return new Promise((resolve) => {
    process.once("message", () => resolve());
    say({ event });
  });
}

/** A server of raw sockets: when all clients are there, it sends, and they echo. */
async function driveClients(): Promise<LoadReport> {
  const connections: LoadConnection[] = [];
  const server = createServer({ noDelay: true });
  const complete = new Promise<void>((resolve) => {
    server.on("connection", (socket) => {
      let connection: LoadConnection | undefined;
      let head = "";
      socket.on("data", (chunk) => {
        if (connection !== undefined) {
          connection.receive(chunk, chunk.length);
          return;
        }
        head += chunk.toString("latin1");
        const key = /^sec-websocket-key: *(\S+)\r$/im.exec(head)?.[1];
        if (key === undefined || !head.endsWith("\r\n\r\n")) return;
        const accept = createHash("sha1").update(`${key}${ACCEPT_SUFFIX}`).digest("base64");
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
            `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        connection = new LoadConnection(socket, false);
        connections.push(connection);
        if (connections.length === job.plan.connections) resolve();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  say({ port: (server.address() as AddressInfo).port });
  await complete;
  // The last one was accepted before its client knows that it is open.
  await new Promise<void>((resolve) => process.once("message", () => resolve()));
  const report = await runOnConnections(connections, job.plan, observer, {
    isCompressed: false,
    isWindowForgotten: false,
    isServer: true,
  });
  server.close();
  return report;
}
