import { setTimeout as delay } from "node:timers/promises";
import { ProcessWatch } from "#testbed/process-watch.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import {
  MAX_PROBLEMS,
  PATHS,
  SESSION_PATH,
  type SoakCommand,
  type SoakReport,
  type SoakTargets,
} from "./soak-report.js";
import { liveInSession } from "./soak-session.js";
import type { SoakSocket } from "./soak-socket.js";
import {
  Bodies,
  checkCount,
  countReason,
  type Payload,
  SequenceChecker,
  sealed,
} from "./verified-messages.js";

// The clients of the soak: node --expose-gc soak-clients.js SEED CLIENTS SESSIONS. So many live one connection after the other, and
// so many one session.

const watch = new ProcessWatch();
const { closeShared, OPENERS } = await import("./soak-socket.js");
const { connect } = await import("hawser");
const random = new SeededRandom(Number(process.argv[2]));
const lives = Number(process.argv[3]);
const sessionLives = Number(process.argv[4]);
const bodies = new Bodies(random.fork());
const ends: Record<string, number> = {};
const problems: string[] = [];
/** Sessions that have not ended. */
let sessions = 0;
/** Connections that are not gone; some of them in a black hole. */
const open = new Set<SoakSocket>();
let messages = 0;
let bytes = 0;
let isStopping = false;
let running: Promise<unknown> = Promise.resolve();

/** Above this much unsent, a client waits: it is not meant to run into its own limits. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
const CLOSE_PATIENCE_MS = 4_000;

function problem(what: string): void {
  if (problems.length < MAX_PROBLEMS) problems.push(what);
}

function note(what: string): void {
  ends[what] = (ends[what] ?? 0) + 1;
}

/** One connection after the other, until the end. */
async function live(targets: SoakTargets, own: SeededRandom): Promise<void> {
  while (!isStopping) {
    const [kind, openSocket] = own.pick(OPENERS);
    const path = own.pick(PATHS);
    const isSecure = own.chance(0.3);
    const base = isSecure ? `wss://127.0.0.1:${targets.securePort}` : `ws://127.0.0.1:${targets.plainPort}`;
    const checker = new SequenceChecker();
    const state = { sent: 0, hasClosed: false };
    const onMessage = (message: Payload): void => {
      messages++;
      bytes += message.length;
      const wrong = checker.check(message);
      if (wrong !== undefined) problem(`${kind} ${path}${isSecure ? ", TLS" : ""}: ${wrong}`);
    };
    let socket: SoakSocket;
    try {
      socket = await openSocket(`${base}${path}`, targets.ca, onMessage);
    } catch {
      note(path === "/refused" ? "refused" : "not opened");
      await delay(own.integer(1, 50));
      continue;
    }
    if (path === "/refused") problem(`${kind}: ${path} let us in`);
    open.add(socket);
    const gone = socket.closed.then(({ code, reason, wasClean }) => {
      open.delete(socket);
      note(`${kind} ${code}`);
      const wrong = wasClean && !state.hasClosed ? checkCount(reason, checker.received) : undefined;
      if (wrong !== undefined) problem(`${kind} ${path}${isSecure ? ", TLS" : ""}: ${wrong}`);
    });
    await converse(socket, own, state);
    await part(socket, own, state);
    await Promise.race([gone, delay(CLOSE_PATIENCE_MS, undefined, { ref: false })]);
    socket.terminate?.();
  }
}

/** One session after the other, until the end. */
async function liveOnSessions({ plainPort }: SoakTargets, own: SeededRandom): Promise<void> {
  const parts = {
    connect,
    random: own,
    bodies,
    ends,
    problem,
    received(byteLength: number) {
      messages++;
      bytes += byteLength;
    },
  };
  while (!isStopping) {
    sessions++;
    await liveInSession(`ws://127.0.0.1:${plainPort}${SESSION_PATH}`, () => isStopping, parts);
    sessions--;
  }
}

async function converse(socket: SoakSocket, own: SeededRandom, state: { sent: number }): Promise<void> {
  const steps = own.integer(0, 80);
  for (let i = 0; i < steps && socket.isOpen && !isStopping; i++) {
    while (socket.isOpen && socket.bufferedBytes > MAX_UNSENT_BYTES && !isStopping) await delay(20);
    const message = sealed("C", state.sent, bodies.next());
    const pieces = own.chance(0.1) ? piecesOf(message, own) : undefined;
    const isSent =
      pieces !== undefined && socket.sendInPieces !== undefined
        ? socket.sendInPieces(pieces, typeof message === "string")
        : socket.send(message);
    if (isSent) state.sent++;
    if (own.chance(0.05)) socket.ping?.();
    if (own.chance(0.03) && socket.isOpen) {
      socket.pause?.();
      await delay(own.integer(1, 150));
      socket.resume?.();
    }
    if (own.chance(0.5)) await delay(own.integer(0, 30));
    if (own.chance(0.01)) await delay(own.integer(100, 2_000)); // an idle connection
  }
}

async function part(
  socket: SoakSocket,
  own: SeededRandom,
  state: { sent: number; hasClosed: boolean },
): Promise<void> {
  if (!socket.isOpen) return;
  if (own.chance(0.2)) await delay(own.integer(0, 500));
  if (own.chance(0.15) && socket.terminate !== undefined) {
    socket.terminate();
    return;
  }
  if (!socket.isOpen) return;
  state.hasClosed = true;
  socket.close(own.pick([1000, 3000, 4999]), countReason(state.sent));
}

function piecesOf(message: Payload, own: SeededRandom): Buffer[] {
  const whole = typeof message === "string" ? Buffer.from(message) : message;
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const end = at + own.integer(1, Math.max(1, whole.length / 2));
    pieces.push(whole.subarray(at, end));
    at = end;
  }
  return pieces;
}

process.on("uncaughtException", (error) => problem(`clients threw: ${error.stack}`));
process.on("unhandledRejection", (reason) => problem(`clients rejected: ${String(reason)}`));
process.on("warning", (warning) => problem(`clients warned: ${String(warning)}`));
process.on("message", async (command: SoakCommand) => {
  if (command.call === "start") {
    const { call: _, ...targets } = command;
    running = Promise.all([
      ...Array.from({ length: lives }, () => live(targets, random.fork())),
      ...Array.from({ length: sessionLives }, () => liveOnSessions(targets, random.fork())),
    ]);
  } else if (command.call === "stop") {
    isStopping = true;
    await running;
    await closeShared();
    process.send?.("stopped");
  } else {
    const report: SoakReport = {
      ...watch.sample(true),
      connections: open.size + sessions,
      messages,
      bytes,
      ends,
      problems,
    };
    process.send?.(report);
  }
});
process.send?.("ready");
