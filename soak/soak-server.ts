import type { CloseResult, DeflateOptions, Endpoint, ListeningServer, ServerConnection } from "hawser/server";
import { testCertificate } from "#testbed/certificate.js";
import { ProcessWatch } from "#testbed/process-watch.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import { soakHub } from "./soak-hub.js";
import {
  MAX_PROBLEMS,
  SESSION_PATH,
  type SoakCommand,
  type SoakReport,
  type SoakServerAddress,
} from "./soak-report.js";
import {
  Bodies,
  checkCount,
  countReason,
  type Payload,
  SequenceChecker,
  sealed,
} from "./verified-messages.js";

// The server of the soak: node --expose-gc soak-server.js SEED

const watch = new ProcessWatch();
const { accept, endpoint, refuse, serve } = await import("hawser/server");
const { createHub } = await import("hawser/hub");
const random = new SeededRandom(Number(process.argv[2]));
const bodies = new Bodies(random.fork());
const ends: Record<string, number> = {};
const problems: string[] = [];
let messages = 0;
let bytes = 0;

/** What the server keeps with a connection. */
interface State {
  readonly checker: SequenceChecker;
  sent: number;
  isSendingPieces: boolean;
  hasClosed: boolean;
}

type Socket = ServerConnection<State>;

function problem(what: string): void {
  if (problems.length < MAX_PROBLEMS) problems.push(what);
}

function receive(socket: Socket, data: Payload): void {
  messages++;
  bytes += data.length;
  const wrong = socket.data.checker.check(data);
  if (wrong !== undefined) problem(`server, ${socket.request.path}: ${wrong}`);
  if (random.chance(0.7)) reply(socket);
  if (random.chance(0.02)) void socket.ping();
  if (random.chance(0.02)) {
    socket.pause();
    setTimeout(() => socket.resume(), random.integer(1, 100));
  }
  if (random.chance(0.003)) socket.terminate();
  else if (random.chance(0.008) && !socket.data.isSendingPieces) {
    socket.data.hasClosed = true;
    void socket.close(random.pick([1000, 1001, 4000]), countReason(socket.data.sent));
  }
}

function reply(socket: Socket): void {
  const { data } = socket;
  const message = sealed("C", data.sent, bodies.next());
  if (random.chance(0.1) && !data.isSendingPieces && socket.state === "open") {
    data.sent++;
    void sendPieces(socket, message);
    return;
  }
  const compress = random.pick([true, false, undefined]);
  const status = socket.send(message, compress === undefined ? {} : { compress });
  if (status === "sent" || status === "queued") data.sent++;
}

async function sendPieces(socket: Socket, message: Payload): Promise<void> {
  socket.data.isSendingPieces = true;
  const whole = typeof message === "string" ? Buffer.from(message) : message;
  const writer = socket.startMessage({ binary: typeof message !== "string" });
  for (let at = 0; at < whole.length; ) {
    const end = at + random.integer(1, Math.max(1, whole.length / 2));
    const status = writer.write(whole.subarray(at, end));
    if (status === "closed" || status === "dropped") return;
    at = end;
    if (status === "queued" && !(await socket.ready())) return;
    if (random.chance(0.3)) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  writer.end();
  socket.data.isSendingPieces = false;
}

const handlers = (compression: boolean | DeflateOptions): Endpoint<State> =>
  endpoint<State>({
    compression,
    upgrade: () =>
      accept({ checker: new SequenceChecker(), sent: 0, isSendingPieces: false, hasClosed: false }),
    message: receive,
    close: closed,
    error() {},
  });

function closed(socket: Socket, { wasClean, code, reason, error }: CloseResult): void {
  const name = error?.code ?? `clean ${code}`;
  ends[name] = (ends[name] ?? 0) + 1;
  const wrong =
    wasClean && !socket.data.hasClosed ? checkCount(reason, socket.data.checker.received) : undefined;
  if (wrong !== undefined) problem(`server, ${socket.request.path}: ${wrong}`);
}

const hub = soakHub({
  createHub,
  accept,
  random: random.fork(),
  bodies,
  ends,
  problem,
  received(byteLength) {
    messages++;
    bytes += byteLength;
  },
});

async function start(isSecure: boolean): Promise<ListeningServer> {
  return serve({
    ...(isSecure && { tls: testCertificate() }),
    pingIntervalMs: 1_000,
    pongTimeoutMs: 2_000,
    closeTimeoutMs: 1_000,
    handshakeTimeoutMs: 5_000,
    maxConnectionsPerAddress: 10_000,
    refused() {},
    routes: {
      "/plain": handlers(false),
      "/deflate": handlers(true),
      "/deflate-small-windows": handlers({ serverMaxWindowBits: 9, clientMaxWindowBits: 10 }),
      "/deflate-no-context": handlers({ serverNoContextTakeover: true, clientNoContextTakeover: true }),
      "/pull": endpoint<State>({
        upgrade: () =>
          accept({ checker: new SequenceChecker(), sent: 0, isSendingPieces: false, hasClosed: false }),
        async open(socket) {
          for await (const message of socket) {
            receive(socket, message);
            if (random.chance(0.1)) await new Promise((resolve) => setTimeout(resolve, 5));
          }
        },
        close: () => {},
        error() {},
      }),
      [SESSION_PATH]: hub,
      "/refused": endpoint({ upgrade: () => refuse(random.pick([401, 403, 503])) }),
    },
  });
}

const servers = [await start(false), await start(true)] as const;
const BROADCAST_EVERY_MS = 200;
let broadcasts = 0;
const broadcasting = setInterval(() => {
  const message = sealed("B", broadcasts++, bodies.next());
  for (const server of servers) server.broadcast(message);
  hub.broadcast(message);
}, BROADCAST_EVERY_MS);

process.on("uncaughtException", (error) => problem(`server threw: ${error.stack}`));
process.on("unhandledRejection", (reason) => problem(`server rejected: ${String(reason)}`));
process.on("warning", (warning) => problem(`server warned: ${String(warning)}`));
process.on("message", async (command: SoakCommand) => {
  if (command.call === "stop") {
    clearInterval(broadcasting);
    await Promise.all(servers.map((server) => server.shutdown({ drainTimeoutMs: 1_000 })));
    process.disconnect(); // then nothing keeps the process alive
  } else {
    const report: SoakReport = {
      ...watch.sample(true),
      connections: servers[0].connections.size + servers[1].connections.size + hub.sessions.size,
      messages,
      bytes,
      ends,
      problems,
    };
    process.send?.(report);
  }
});
const address: SoakServerAddress = {
  plainPort: servers[0].port,
  securePort: servers[1].port,
  ca: testCertificate().ca,
};
process.send?.(address);
