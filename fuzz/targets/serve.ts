import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ListeningServer, serve } from "hawser/server";
import { must } from "../finding.js";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { anyFrames } from "../generate/frames.js";
import { anyRequest } from "../generate/heads.js";
import { Random } from "../random.js";
import { elements, judgeRequest, readHeadModel, valuesOf } from "../reference/handshake-model.js";
import { cut } from "../splits.js";

/** What a client writes to a server: a head, and what follows it. */
type ServeInput = {
  readonly head: string;
  readonly hex: readonly string[];
  readonly cutSeed: number;
};

const LIMITS = { maxHeadBytes: 4096, maxHeaders: 30 };
/** What it may take, on a busy machine, until a connection of which nothing more will come is ended. */
const END_WITHIN_MS = 5000;

/** The first request of real connections, as `serve` reads them: by its own parser, or handed over to `http`. */
export function serveTarget(): FuzzTarget {
  let server: ListeningServer | undefined;
  return fuzzTarget<ServeInput>({
    name: "serve",
    share: 1,
    generate: (random) => ({
      head: anyRequest(random),
      hex: random.chance(40) ? anyFrames(random, { role: "server", deflate: null }) : [],
      cutSeed: random.uint32(),
    }),
    async run(input) {
      server ??= await serve({
        message(socket, data) {
          socket.send(data);
        },
        protocols: ["chat", "__proto__"],
        origins: "dangerously-allow-any-origin",
        maxHeaderBytes: LIMITS.maxHeadBytes,
        maxHeaders: LIMITS.maxHeaders,
        maxMessageBytes: 10_000,
        handshakeTimeoutMs: 2000,
      });
      return await run(input, server.port);
    },
    async close() {
      await server?.shutdown({ drainTimeoutMs: 0 });
      server = undefined;
    },
  });
}

async function run(input: ServeInput, port: number): Promise<string> {
  const head = Buffer.from(input.head, "latin1");
  const answer = await exchange(
    port,
    Buffer.concat([head, Buffer.from(input.hex.join(""), "hex")]),
    input.cutSeed,
  );
  const model = readHeadModel(head.toString("latin1"), "request", LIMITS);
  const wrong = new Set([...model.wrong, ...(model.isComplete ? judgeRequest(model) : ["INCOMPLETE"])]);
  // This server looks at no origin.
  wrong.delete("ORIGIN_NOT_ALLOWED");
  const isRepeatedOrigin = valuesOf(model, "origin").length > 1;
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  const told = (): string => `${JSON.stringify(answer.slice(0, 300))}, wrong: ${[...wrong].join()}`;
  must(status !== undefined || answer === "", "answers with HTTP or not at all", told);
  if (status === "101") {
    // What our parser does not take goes to Node's, which forgives some of it: two spaces in the request line, say
    // (RFC 9112 §3 allows that). The fields have to be right all the same.
    const mayForgive = new Set([
      "MALFORMED_HEAD",
      "INCOMPLETE",
      "HTTP_VERSION",
      "METHOD_NOT_ALLOWED",
      "INVALID_TARGET",
    ]);
    const isForgiven = model.wrong.has("MALFORMED_HEAD") && [...wrong].every((code) => mayForgive.has(code));
    must(wrong.size === 0 || isForgiven, "accepts good requests only", told);
    const [key = ""] = valuesOf(model, "sec-websocket-key");
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    must(answer.includes(`\r\nSec-WebSocket-Accept: ${accept}\r\n`), "accepts with the right key", told);
  } else if (wrong.size === 0 && !isRepeatedOrigin) {
    must(false, "accepts good requests", told);
  } else if (
    model.isComplete &&
    model.wrong.size === 0 &&
    elements(valuesOf(model, "upgrade")).includes("websocket")
  ) {
    must(Number(status) >= 400, "refuses with a status", told);
  }
  return `${status} ${[...wrong].sort().join()}`;
}

/** Writes all, in pieces, ends its direction, and reads to the end. */
async function exchange(port: number, bytes: Buffer, cutSeed: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay();
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {}); // a reset is an end, too
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await Promise.race([once(socket, "connect").catch(() => {}), closed]);
  const random = new Random(cutSeed);
  const positions = Array.from({ length: random.below(3) }, () => random.below(bytes.length + 1));
  for (const piece of cut(bytes, positions)) await write(socket, piece);
  socket.end();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    socket.destroy();
  }, END_WITHIN_MS);
  await closed;
  clearTimeout(timer);
  must(!isLate, "a connection whose peer ended is ended", () => bytes.toString("latin1"));
  return Buffer.concat(chunks).toString("latin1");
}

async function write(socket: Socket, piece: Buffer): Promise<void> {
  if (piece.length > 0 && !socket.destroyed) socket.write(piece);
  await new Promise(setImmediate);
}
