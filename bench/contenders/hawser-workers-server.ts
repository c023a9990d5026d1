import cluster from "node:cluster";
import process from "node:process";
import { clusterBroker, endpoint, followPrimary, serve, startWorkers } from "hawser/server";
import { type CpuAnswer, contenderSettings, MANY_CONNECTIONS, type Ready } from "../runner-link.js";

// As hawser-server, with so many workers as the first argument says. What is measured is all processes together.

/** What a worker tells the primary. */
interface WorkerAnswer {
  readonly port: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

const count = Number(process.argv[2]);

if (cluster.isPrimary) {
  await startWorkers({ count });
  const [{ port } = { port: 0 }] = await askAll();
  process.on("message", async () => {
    const answers = [...(await askAll()), own(port)];
    process.send?.({
      cpuSeconds: answers.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      rssBytes: answers.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
      atSeconds: performance.now() / 1000,
    } satisfies CpuAnswer);
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
  process.on("message", (question) => {
    if (question === "cpu") process.send?.(own(server.port));
  });
  await followPrimary(server);
}

function own(port: number): WorkerAnswer {
  const { user, system } = process.cpuUsage();
  return { port, cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() };
}

function askAll(): Promise<WorkerAnswer[]> {
  return Promise.all(
    Object.values(cluster.workers ?? {}).map(
      (worker) =>
        new Promise<WorkerAnswer>((resolve) => {
          const listen = (answer: WorkerAnswer): void => {
            if (!("cpuSeconds" in answer)) return; // it is for the broker
            worker?.off("message", listen);
            resolve(answer);
          };
          worker?.on("message", listen);
          worker?.send("cpu");
        }),
    ),
  );
}
