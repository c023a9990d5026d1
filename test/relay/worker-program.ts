// The program of the tests of relays between processes: workers that share a port, each with the same hub.
import cluster from "node:cluster";
import process from "node:process";
import { createHub } from "hawser/hub";
import { clusterBroker, followPrimary, serve, startWorkers } from "hawser/server";

const port = Number(process.argv[2]);

if (cluster.isPrimary) {
  const workers = await startWorkers({ count: 3, signals: [], crashed() {} });
  process.on("message", async (word) => {
    if (word === "restart")
      await workers.restart({ drainTimeoutMs: 500 }).then(() => process.send!("restarted"));
    else {
      await workers.shutdown({ drainTimeoutMs: 500 });
      process.disconnect();
    }
  });
  process.send!("ready");
} else {
  const hub = createHub({
    broker: clusterBroker(),
    brokerKey: "one secret for all of the workers",
    open: (session) => void session.send(`pid ${process.pid}`),
    message: (session, data) => {
      session.send(data === "counts" ? JSON.stringify(hub.counts.relays) : data);
    },
  });
  await followPrimary(await serve({ port, routes: { "/live": hub } }));
}
