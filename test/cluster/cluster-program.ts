// The program of the cluster tests: the primary is told by the test what to do, a worker by its clients.
import cluster from "node:cluster";
import process from "node:process";
import {
  clusterBroker,
  followPrimary,
  type ServeOptions,
  serve,
  startWorkers,
  type WorkersOptions,
} from "hawser/server";

/** What the test tells the program when it starts it. */
export interface ProgramSettings {
  readonly workers?: Omit<WorkersOptions, "crashed">;
  readonly serve?: Pick<ServeOptions, "port" | "reusePort">;
  readonly maxBufferedBytes?: number;
  /** What is wrong with the workers: they end or hang before they are ready, or something keeps them in the end. */
  readonly failure?: "exit" | "hang" | "lingers";
}

/** What the test asks of the primary. */
export type Question = "pids" | "restart" | "shutdown" | "memory" | { readonly publish: string };

/** What the primary says, in the order of the questions; crashes, and workers that run, come in between. */
export interface Said {
  readonly event: "ready" | "failed" | "pids" | "restarted" | "memory" | "online" | "crashed" | "warning";
  readonly value: unknown;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as ProgramSettings;

if (cluster.isPrimary) await primary();
else await worker();

async function primary(): Promise<void> {
  const say = (event: Said["event"], value?: unknown): void => void process.send?.({ event, value });
  process.on("warning", ({ message }) => say("warning", message));
  cluster.on("online", () => say("online"));
  const broker = clusterBroker(
    settings.maxBufferedBytes === undefined ? {} : { maxBufferedBytes: settings.maxBufferedBytes },
  );
  try {
    const workers = await startWorkers({ ...settings.workers, crashed: (crash) => say("crashed", crash) });
    process.on("message", async (question: Question) => {
      if (question === "pids") say("pids", workers.pids);
      else if (question === "memory") say("memory", process.memoryUsage().rss);
      else if (question === "restart") await workers.restart({ code: 1012 }).then(() => say("restarted"));
      else if (question === "shutdown") {
        await workers.shutdown({ reason: "bye", drainTimeoutMs: 1_000 });
        process.disconnect();
      } else broker.publish("elsewhere", Buffer.from(question.publish));
    });
    say("ready", workers.pids);
  } catch (error) {
    say("failed", error instanceof Error && "code" in error ? [error.code, error.message] : String(error));
    process.disconnect();
  }
}

async function worker(): Promise<void> {
  if (settings.failure === "exit") process.exit(3);
  if (settings.failure === "hang") {
    setInterval(() => {}, 60_000);
    return;
  }
  const broker = clusterBroker();
  const server = await serve({
    port: 0,
    ...settings.serve,
    broker,
    open: (socket) => void socket.send(`${process.pid} on ${server.port}`),
    message(socket, data, isBinary) {
      const text = isBinary ? "" : String(data);
      if (text === "crash") process.exit(7);
      if (text === "count") socket.send(String(server.connections.size));
      if (text === "local") server.broadcast(`local of ${process.pid}`, { local: true });
      if (text.startsWith("flood ")) {
        const [, count, bytes] = text.split(" ").map(Number);
        let left = count ?? 0;
        const more = (): void => {
          for (let i = 0; i < 16 && left > 0; i++, left--) broker.publish("nobody", Buffer.alloc(bytes ?? 0));
          if (left > 0) setImmediate(more);
          else socket.send("flooded");
        };
        more();
      }
      if (text.startsWith("all ") || isBinary)
        socket.send(JSON.stringify(server.broadcast(data, { except: socket })));
    },
  });
  broker.subscribe(
    "elsewhere",
    (bytes) => void server.broadcast(`primary: ${String(bytes)}`, { local: true }),
  );
  await followPrimary(server);
  if (settings.failure === "lingers") setInterval(() => {}, 60_000);
}
