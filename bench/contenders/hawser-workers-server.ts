import cluster from "node:cluster";
import process from "node:process";
import { clusterBroker, endpoint, followPrimary, serve, startWorkers } from "hawser/server";
import {
  type CpuAnswer,
  contenderSettings,
  MANY_CONNECTIONS,
  type MemoryAnswer,
  ownMemory,
  type Ready,
} from "../runner-link.js";

// As hawser-server, with so many workers as the first argument says. What is measured is all processes together.

/** What a worker tells the primary when it is asked. */
interface WorkerAnswers {
  cpu: { readonly port: number; readonly cpuSeconds: number; readonly rssBytes: number };
  memory: MemoryAnswer;
}

type Question = keyof WorkerAnswers;

const count = Number(process.argv[2]);

if (cluster.isPrimary) {
  await startWorkers({ count });
  const [{ port } = { port: 0 }] = await askWorkers("cpu");
  process.on("message", async (question: Question) => {
    if (question === "cpu") {
      const answers = [...(await askWorkers("cpu")), ownUse(port)];
      process.send?.({
        cpuSeconds: sum(answers, "cpuSeconds"),
        rssBytes: sum(answers, "rssBytes"),
        atSeconds: performance.now() / 1000,
      } satisfies CpuAnswer);
    } else {
      const answers = [...(await askWorkers("memory")), await ownMemory(() => 0)];
      process.send?.({
        connections: sum(answers, "connections"),
        rssBytes: sum(answers, "rssBytes"),
        heapBytes: sum(answers, "heapBytes"),
        externalBytes: sum(answers, "externalBytes"),
      } satisfies MemoryAnswer);
    }
  });
  process.on("disconnect", () => process.exit(0)); // and the workers with it
  process.send?.({ port } satisfies Ready);
} else {
  const server = await serve({
    port: 0,
    maxConnections: MANY_CONNECTIONS,
    maxConnectionsPerAddress: MANY_CONNECTIONS,
    broker: clusterBroker(),
    ...(contenderSettings().isCompressing && { compression: true, compressFromBytes: 0 }),
    routes: {
      "/fan": endpoint({ message: (_socket, data) => void server.broadcast(data) }),
      "/*": endpoint({ message: (socket, data) => void socket.send(data) }),
    },
  });
  process.on("message", async (question) => {
    if (question === "cpu") process.send?.({ question, answer: ownUse(server.port) });
    if (question === "memory")
      process.send?.({ question, answer: await ownMemory(() => server.connections.size) });
  });
  await followPrimary(server);
}

function ownUse(port: number): WorkerAnswers["cpu"] {
  const { user, system } = process.cpuUsage();
  return { port, cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() };
}

function askWorkers<Q extends Question>(question: Q): Promise<WorkerAnswers[Q][]> {
  return Promise.all(
    Object.values(cluster.workers ?? {}).map(
      (worker) =>
        new Promise<WorkerAnswers[Q]>((resolve) => {
          const listen = (said: { question?: Question; answer: WorkerAnswers[Q] }): void => {
            if (said.question !== question) return; // it is for the broker
            worker?.off("message", listen);
            resolve(said.answer);
          };
          worker?.on("message", listen);
          worker?.send(question);
        }),
    ),
  );
}

function sum<K extends string>(answers: readonly Readonly<Record<K, number>>[], what: K): number {
  return answers.reduce((total, answer) => total + answer[what], 0);
}
