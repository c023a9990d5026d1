import { connect, type Socket } from "node:net";
import type { Load } from "./loads.js";

// Runs one load against a port from a process of its own: raw sockets and frames built beforehand, so that as little as
// possible of a WebSocket client is measured along. Answers are counted by their length, which the load fixes.

const HANDSHAKE = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

function headerLength(size: number): number {
  return size < 126 ? 2 : size < 65_536 ? 4 : 10;
}

function maskedFrame(size: number): Buffer {
  const start = headerLength(size) + 4;
  const frame = Buffer.alloc(start + size, "hawser bench ");
  frame[0] = 0x82;
  if (size < 126) frame[1] = 0x80 | size;
  else if (size < 65_536) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(size), 2);
  }
  frame.writeUInt32BE(0x37fa213d, start - 4);
  return frame;
}

/** Opens a connection; resolves when the answer to the handshake is there. */
function open(port: number, path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(HANDSHAKE(path)));
    socket.once("error", reject);
    socket.once("data", (head) => {
      if (!head.toString("latin1").includes(" 101 "))
        reject(new Error(`refused: ${head.toString("latin1")}`));
      else resolve(socket);
    });
  });
}

async function runEcho(load: Load, port: number, endAt: number): Promise<number> {
  const frame = maskedFrame(load.size);
  const batches = Array.from({ length: load.inFlight + 1 }, (_, n) => Buffer.concat(Array(n).fill(frame)));
  // The floor echoes what it got, mask and all; it answers with as many bytes as were sent.
  const answerLength = process.argv[5] === "net" ? frame.length : headerLength(load.size) + load.size;
  let messages = 0;
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(port, "/")));
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          let bytes = 0;
          let waiting = load.inFlight;
          socket.on("data", (chunk) => {
            bytes += chunk.length;
            const answered = Math.floor(bytes / answerLength);
            if (answered === 0) return;
            bytes -= answered * answerLength;
            messages += answered;
            waiting -= answered;
            if (performance.now() < endAt) {
              waiting += answered;
              socket.write(batches[answered]!);
            } else if (waiting === 0) {
              resolve();
            }
          });
          socket.write(batches[load.inFlight]!);
        }),
    ),
  );
  for (const socket of sockets) socket.destroy();
  return messages;
}

async function runFanOut(load: Load, port: number, endAt: number): Promise<number> {
  const frame = maskedFrame(load.size);
  const batch = Buffer.concat(Array(load.inFlight).fill(frame));
  const round = load.connections * load.inFlight * (headerLength(load.size) + load.size);
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(port, "/fan")));
  const sender = sockets[0]!;
  let bytes = 0;
  let rounds = 0;
  await new Promise<void>((resolve) => {
    for (const socket of sockets) {
      socket.on("data", (chunk) => {
        bytes += chunk.length;
        if (bytes < round) return;
        bytes = 0;
        rounds++;
        if (performance.now() < endAt) sender.write(batch);
        else resolve();
      });
    }
    sender.write(batch);
  });
  for (const socket of sockets) socket.destroy();
  return rounds * load.connections * load.inFlight;
}

async function runConnect(load: Load, port: number, endAt: number): Promise<number> {
  let connections = 0;
  const close = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
  await Promise.all(
    Array.from({ length: load.connections }, async () => {
      while (performance.now() < endAt) {
        const socket = await open(port, "/");
        await new Promise((resolve) => {
          socket.once("close", resolve);
          socket.resume();
          socket.end(close);
        });
        connections++;
      }
    }),
  );
  return connections;
}

const load = JSON.parse(process.argv[2]!) as Load;
const port = Number(process.argv[3]);
const endAt = performance.now() + Number(process.argv[4]);
const run = { echo: runEcho, "fan-out": runFanOut, connect: runConnect }[load.kind];
const startedAt = performance.now();
const messages = await run(load, port, endAt);
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({ messages, seconds, generatorCpuSeconds: (user + system) / 1e6 })}\n`,
);
