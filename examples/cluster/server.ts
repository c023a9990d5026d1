// A chat on all cores: node build/examples/cluster/server.js. PORT, HOST and WORKERS say where and how many.
import cluster from "node:cluster";
import process from "node:process";
import { clusterBroker, followPrimary, serve, startWorkers } from "hawser/server";

const { HOST = "127.0.0.1", PORT = "8080", WORKERS } = process.env;

if (cluster.isPrimary) {
  const workers = await startWorkers({
    ...(WORKERS !== undefined && { count: Number(WORKERS) }),
    crashed: ({ pid, restartInMs }) =>
      console.error(`worker ${pid} is gone, another one in ${restartInMs} ms`),
  });
  console.log(
    `ws://${HOST}:${PORT} is served by the processes ${workers.pids.join(", ")}. Ctrl-C stops them.`,
  );
} else {
  const server = await serve({
    host: HOST,
    port: Number(PORT),
    broker: clusterBroker(),
    open: (socket) => void socket.send(`worker ${process.pid} greets you`),
    message: (socket, data) => void server.broadcast(data, { except: socket }), // to the clients of all workers
  });
  await followPrimary(server);
}
