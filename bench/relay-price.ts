// Command: what a message costs whose session is at another node than its client, in CPU time of all server processes.
//   node build/bench/relay-price.js --messages 200000 --sessions 50
import { type ChildProcess, fork } from "node:child_process";
import cluster from "node:cluster";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connect, type Session } from "hawser";
import { createHub } from "hawser/hub";
import { type Broker, clusterBroker, memoryBroker, serve } from "hawser/server";

/** Who serves, and what is between the two nodes. */
type Kind = "direct" | "memory" | "memory, signed" | "cluster";

const KEY = "a key of the benchmark, and no secret";
const TEXT = "x".repeat(64);

if (cluster.isWorker) await nodeOf(clusterBroker(), undefined);
else if (process.argv[2] === "--serve") await servers(process.argv[3] as Kind);
else await measureAll();

/** One node: says its port, and what CPU it took when asked. */
async function nodeOf(broker: Broker, brokerKey: string | undefined): Promise<number> {
  const hub = createHub({
    broker,
    brokerKey,
    maxOpensPerSecond: Infinity,
    message: (session, data) => void session.send(data),
  });
  const server = await serve({ port: 0, routes: { "/live": hub } });
  if (cluster.isWorker) {
    process.on("message", (word) => {
      if (word === "cpu") process.send!({ cpu: cpuUs() });
    });
    process.send!({ port: server.port });
  }
  return server.port;
}

async function servers(kind: Kind): Promise<void> {
  if (kind !== "cluster") {
    const broker = memoryBroker();
    const key = kind === "memory, signed" ? KEY : undefined;
    const ports = [await nodeOf(broker, key), await nodeOf(broker, key)];
    process.on("message", () => process.send!({ cpu: cpuUs() }));
    process.send!({ ports });
    return;
  }
  cluster.setupPrimary({ serialization: "advanced" });
  clusterBroker();
  // Both would be given the same port otherwise, and take turns with it.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const workers = [cluster.fork({ NODE: "0" }), cluster.fork({ NODE: "1" })];
  const ports = await Promise.all(
    workers.map(async (worker) => (await said<{ port: number }>(worker, "port")).port),
  );
  process.on("message", async () => {
    for (const worker of workers) worker.send("cpu");
    const times = await Promise.all(
      workers.map(async (worker) => (await said<{ cpu: number }>(worker, "cpu")).cpu),
    );
    process.send!({ cpu: cpuUs() + times.reduce((sum, time) => sum + time) });
  });
  process.send!({ ports });
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The next message that has this in it. */
async function said<T>(from: NodeJS.EventEmitter, name: keyof T & string): Promise<T> {
  for (;;) {
    const [message] = (await once(from, "message")) as [T];
    if (typeof message === "object" && message !== null && name in message) return message;
  }
}

async function measureAll(): Promise<void> {
  const { values } = parseArgs({
    options: { messages: { type: "string", default: "200000" }, sessions: { type: "string", default: "50" } },
  });
  const messages = Number(values.messages);
  const sessions = Number(values.sessions);
  console.log(
    `${messages} echoes of 64 bytes over ${sessions} sessions, one at a time each, Node ${process.version}`,
  );
  for (const kind of ["direct", "memory", "memory, signed", "cluster"] as const) {
    const { cpuPerMessageUs, perSecond } = await measure(kind, messages, sessions);
    console.log(
      `${kind.padEnd(16)} ${cpuPerMessageUs.toFixed(1).padStart(6)} µs of CPU each  ${Math.round(perSecond).toString().padStart(7)} / s`,
    );
  }
}

async function measure(
  kind: Kind,
  messages: number,
  count: number,
): Promise<{ cpuPerMessageUs: number; perSecond: number }> {
  const child = fork(fileURLToPath(import.meta.url), ["--serve", kind === "direct" ? "memory" : kind], {
    serialization: "advanced",
  });
  const [own, other] = (await said<{ ports: number[] }>(child, "ports")).ports as [number, number];
  const gate = await switchable(own);
  let left = 0;
  let allCame = (): void => {};
  const sessions = Array.from({ length: count }, () =>
    connect(`ws://127.0.0.1:${gate.port}/live`, {
      transports: ["websocket"],
      message(session) {
        if (--left >= count) session.send(TEXT);
        if (left === 0) allCame();
      },
    }),
  );
  await live(sessions);
  // From here on they come to the other node, if they are to be relayed; to the same one again, if not.
  gate.leadTo(kind === "direct" ? own : other);
  await live(sessions);
  const run = async (number: number): Promise<void> => {
    left = number;
    const done = new Promise<void>((resolve) => {
      allCame = resolve;
    });
    for (const session of sessions) session.send(TEXT);
    await done;
  };
  await run(Math.ceil(messages / 5)); // so that what is measured is compiled
  const cpuBefore = await askCpu(child);
  const startedMs = performance.now();
  await run(messages);
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpuPerMessageUs = ((await askCpu(child)) - cpuBefore) / messages;
  await Promise.all(sessions.map((session) => session.close()));
  gate.close();
  child.kill();
  await once(child, "exit");
  return { cpuPerMessageUs, perSecond: messages / seconds };
}

async function askCpu(child: ChildProcess): Promise<number> {
  child.send("cpu");
  return (await said<{ cpu: number }>(child, "cpu")).cpu;
}

async function live(sessions: readonly Session[]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100)); // that they were cut is seen first
  while (sessions.some(({ state }) => state.status !== "live"))
    await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A way in that leads to one port, and then to another one. */
async function switchable(
  first: number,
): Promise<{ port: number; leadTo(port: number): void; close(): void }> {
  let target = first;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const to = connectTcp(target, "127.0.0.1");
    for (const [one, another] of [
      [socket, to],
      [to, socket],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.pipe(another);
      one.on("error", () => {});
      one.on("close", () => {
        sockets.delete(one);
        another.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    leadTo(port) {
      target = port;
      cut();
    },
    close() {
      server.close();
      cut();
    },
  };
}
