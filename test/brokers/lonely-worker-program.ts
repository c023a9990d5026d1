// A cluster that a program of its own starts, without `startWorkers`: with a broker in its primary, or without.
import cluster from "node:cluster";
import process from "node:process";
import { mock } from "node:test";
import { clusterBroker } from "hawser/server";

if (cluster.isPrimary) {
  const broker = process.argv[2] === "with" ? clusterBroker() : undefined;
  const worker = cluster.fork();
  worker.on("message", (message: unknown) => {
    // It has joined: what is published now comes behind the answer to that.
    if (typeof message === "object") broker?.publish("go", Buffer.from("go"));
    else console.log(message);
  });
} else {
  mock.timers.enable({ apis: ["setTimeout"] });
  process.on("warning", (warning) => {
    if ("code" in warning && warning.code === "HAWSER_BROKER") process.send!(warning.message);
  });
  const broker = clusterBroker();
  const waitForLong = () => {
    mock.timers.tick(60_000);
    setImmediate(() => process.send!("waited", () => cluster.worker!.disconnect()));
  };
  if (process.argv[2] === "with") broker.subscribe("go", waitForLong);
  else waitForLong();
}
