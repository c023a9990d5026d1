import cluster from "node:cluster";
import process from "node:process";
import { UsageError } from "../core/hawser-error.js";
import type { Server } from "../node/server/server.js";
import type { ShutdownOptions } from "../node/server/shutdown-options.js";
import { type WorkerMessage, workerMessage } from "./worker-message.js";

/** What a terminal or a service manager sends to the whole group: it is for the primary to say what comes of it. */
const SIGNALS_FOR_THE_PRIMARY = ["SIGINT", "SIGTERM"] as const;

/**
 * In a worker of `startWorkers`: says that its server is ready, and shuts the server down when the primary says so, or is
 * gone. Then the worker leaves the cluster, and its process ends. Signals that ask to end are left to the primary.
 *
 * @throws {@link UsageError} `INVALID_OPTION` in a process that is no worker.
 */
export function followPrimary(server: Server): void {
  const { worker } = cluster;
  if (worker === undefined)
    throw new UsageError("INVALID_OPTION", "followPrimary is for a worker of node:cluster");
  for (const signal of SIGNALS_FOR_THE_PRIMARY) process.on(signal, () => {});
  const end = async (options: ShutdownOptions): Promise<void> => {
    await server.shutdown(options);
    if (process.connected) worker.disconnect();
  };
  process.on("message", (message) => {
    const told = workerMessage(message);
    if (told?.hawserWorker === "shutdown") void end(told.options);
  });
  worker.once("disconnect", () => {
    // Or Node would end the process at once, and the clients would not be told.
    worker.exitedAfterDisconnect = true;
    void end({}).then(() => process.exit());
  });
  worker.send({ hawserWorker: "ready" } satisfies WorkerMessage, () => {});
}
