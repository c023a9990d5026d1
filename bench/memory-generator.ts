// A process of its own: holds the connections of a load of memory, and tells the runner when to weigh.
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import type { Dialled } from "#bench/dial.js";
import type { LoadConnection } from "#bench/load-connection.js";
import type { LoadPlan } from "#bench/load-plan.js";
import { LateAcks, LoadSession, SESSION_SUBPROTOCOL } from "#bench/load-session.js";
import { loadTarget } from "#bench/load-target.js";
import { loopbackAddresses } from "#bench/loopback-addresses.js";
import { MessageCycle } from "#bench/message-cycle.js";
import { openConnections } from "#bench/open-connections.js";
import type { MemoryAction } from "./memory-loads.js";

/** What the process is to do; its argument, as JSON. */
export interface MemoryJob {
  readonly url: string;
  readonly isCompressionOffered: boolean;
  /** How to speak to the server, where that differs. */
  readonly dialect: Partial<LoadPlan>;
  readonly action: MemoryAction;
  readonly bytes: number;
  readonly messages: number;
  /** Opened and closed again before anything is weighed, so that code, caches and slabs are not counted. */
  readonly warmUpConnections: number;
  readonly connections: number;
  /** Where they come from, where several processes share the ports of this machine; none for wherever the system says. */
  readonly localAddresses: readonly string[];
}

/** What the process says; it goes on at any answer. */
export type MemoryMessage =
  | { readonly event: "warm" | "loaded" }
  | { readonly event: "failed"; readonly reason: string };

/** So many are opened before they answer pings: servers do not wait until there are tens of thousands. */
const OPENED_TOGETHER = 1_000;

/** How long the system may need to take or refuse what slow readers are owed. */
const SETTLE_MS = 2_000;

/** What a server of Socket.IO asks now and then, and wants to hear. */
const SOCKET_IO_PING = "2";
const SOCKET_IO_PONG = "3";

const job = JSON.parse(process.argv[2]!) as MemoryJob;
process.on("disconnect", () => process.exit(0));
try {
  // Without what makes the process grow for good, which would hide what the connections need.
  const isHeavy = job.action === "burst" || job.action === "do not read";
  const warm = await load(job.warmUpConnections, isHeavy ? "stay idle" : job.action);
  await Promise.all(
    warm.map((connection) => {
      const closed = connection.closed();
      connection.close();
      return closed;
    }),
  );
  await pause("warm");
  const connections = await load(job.connections, job.action);
  await pause("loaded");
  for (const connection of connections) connection.destroy();
} catch (error) {
  say({ event: "failed", reason: error instanceof Error ? error.message : String(error) });
}

function say(message: MemoryMessage): void {
  process.send?.(message);
}

function pause(event: "warm" | "loaded"): Promise<void> {
  return new Promise((resolve) => {
    process.once("message", () => resolve());
    say({ event });
  });
}

/** Opens the connections and has each do what it is to do. */
async function load(count: number, action: MemoryAction): Promise<readonly (LoadConnection | LoadSession)[]> {
  const target = loadTarget(job.url);
  const localAddresses =
    job.localAddresses.length > 0 ? job.localAddresses : loopbackAddresses(target, count);
  const dialled: Dialled[] = [];
  const introduced: (LoadConnection | LoadSession)[] = [];
  while (dialled.length < count) {
    const opened = await openConnections({
      count: Math.min(OPENED_TOGETHER, count - dialled.length),
      rampMs: 0,
      openTimeoutMs: undefined,
      dialOptions: (index) => ({
        target,
        isCompressionOffered: job.isCompressionOffered,
        isInsecure: false,
        headers: job.dialect.isSession === true ? [["Sec-WebSocket-Protocol", SESSION_SUBPROTOCOL]] : [],
        localAddress: localAddresses[(dialled.length + index) % localAddresses.length],
      }),
    });
    dialled.push(...opened);
    introduced.push(
      ...(await introduce(
        opened.map(({ connection }) => connection),
        action,
      )),
    );
  }
  const connections = dialled.map(({ connection }) => connection);
  if (action === "stay idle") return introduced;
  const cycle = await cycleFor(dialled[0]!);
  const write = cycle.first[0]!;
  if (action === "do not read") {
    for (const connection of connections) {
      connection.pause();
      for (let i = 0; i < job.messages; i++) connection.write(write);
    }
    await delay(SETTLE_MS);
    return connections;
  }
  const answered = connections.map(
    (connection) =>
      new Promise<void>((resolve, reject) => {
        connection.onAnswers = () => resolve();
        connection.onGone = (reason) => reject(new Error(reason));
        connection.expect({
          payloads: cycle.payloads,
          lengths: cycle.lengths,
          opcode: cycle.opcode,
          isMasked: job.dialect.isRawEcho === true,
          mayBeCompressed: job.isCompressionOffered,
          greetings: 0,
        });
      }),
  );
  for (const connection of connections) connection.write(write);
  await Promise.all(answered);
  return connections;
}

function cycleFor({ isCompressed, isWindowForgotten }: Dialled): Promise<MessageCycle> {
  if (isCompressed !== job.isCompressionOffered) throw new Error("it did not agree to compression");
  return MessageCycle.build({
    sizes: [job.bytes],
    window: 1,
    content: job.isCompressionOffered ? "json" : "binary",
    isMasked: true,
    compression: !isCompressed ? "none" : isWindowForgotten ? "fresh" : "kept",
  });
}

/**
 * Says what a client of the library says first. From then on it answers pings, also those of WebSocket where it is to stay idle, and has
 * nothing else to say.
 */
async function introduce(
  connections: readonly LoadConnection[],
  action: MemoryAction,
): Promise<readonly (LoadConnection | LoadSession)[]> {
  const { isSession = false, isRawEcho = false, hello, greetings = 0 } = job.dialect;
  if (isRawEcho || (action !== "stay idle" && !isSession && greetings === 0)) return connections;
  const cycle = await MessageCycle.build({
    sizes: [1],
    window: 1,
    content: { text: SOCKET_IO_PING },
    isMasked: true,
    compression: "none",
    isOfRecords: isSession,
  });
  const { payloads, lengths, opcode } = cycle;
  const acks = new LateAcks();
  const introduced = connections.map((connection) => {
    connection.onGone = (reason) => say({ event: "failed", reason });
    if (isSession) return new LoadSession(connection, cycle, { greetings }, acks);
    if (greetings > 0) connection.onAnswers = () => connection.writeText(SOCKET_IO_PONG);
    connection.expect({ payloads, lengths, opcode, isMasked: false, mayBeCompressed: false, greetings });
    if (hello !== undefined) connection.writeText(hello);
    return connection;
  });
  await Promise.all(introduced.map(({ greeted }) => greeted));
  return introduced;
}
