import cluster from "node:cluster";
import { isMainThread } from "node:worker_threads";
import { clusterBroker } from "../brokers/cluster.js";
import { UsageError } from "../core/hawser-error.js";
import { Workers } from "./workers.js";
import { type WorkersOptions, workersSettings } from "./workers-options.js";

/**
 * In the primary of `node:cluster`: starts worker processes that run the same program (or the one that
 * `cluster.setupPrimary` names), replaces those that crash, and relays what their `clusterBroker()`s publish. Each worker
 * serves the same port and calls {@link followPrimary}. Resolves when all workers did. Messages between the primary and the
 * workers, yours too, are serialized as `advanced`.
 *
 * @throws {@link UsageError} `WORKER_FAILED` if one ends before; then all are ended. `INVALID_OPTION`, also in a worker, and in
 * a thread of `node:worker_threads`.
 */
export async function startWorkers(options: WorkersOptions = {}): Promise<Workers> {
  // A thread takes itself for a primary, would run the whole program once more, and wait for it for ever.
  if (!cluster.isPrimary || !isMainThread) {
    throw new UsageError(
      "INVALID_OPTION",
      "startWorkers is for the primary of node:cluster, in its main thread",
    );
  }
  const workers = new Workers(workersSettings(options), options.crashed);
  // As JSON, a byte of binary data can take six, and Infinity is lost.
  cluster.setupPrimary({ serialization: "advanced" });
  clusterBroker();
  await workers.start();
  return workers;
}
