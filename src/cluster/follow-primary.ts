import cluster from "node:cluster";
import process from "node:process";
import { UsageError } from "../core/hawser-error.js";
import type { Server } from "../node/server/server.js";
import type { ShutdownOptions } from "../node/server/shutdown-options.js";
import { type WorkerMessage, workerMessage } from "./worker-message.js";

/** What a terminal or a service manager sends to the whole group: it is for the primary to say what comes of it. */
const SIGNALS_FOR_THE_PRIMARY = ["SIGINT", "SIGTERM"] as const;

/** What your own code has to end in when there is no primary any more that would kill the process. */
const EXIT_GRACE_MS = 2_000;

/**
 * In a worker of `startWorkers`: says that its server is ready, and shuts the server down when the primary says so, or is
 * gone. Then the worker leaves the cluster, and its process ends if nothing else of yours keeps it, and 2 s later in any
 * case. Signals that ask to end are left to the primary. Resolves when the server is shut down, so that you can end what
 * else there is.
 *
 * @throws {@link UsageError} `INVALID_OPTION` in a process that is no worker.
 */
export async function followPrimary(server: Server): Promise<void> {
  const { worker } = cluster;
  if (worker === undefined)
    throw new UsageError("INVALID_OPTION", "followPrimary is for a worker of node:cluster");
  for (const signal of SIGNALS_FOR_THE_PRIMARY) process.on(signal, () => {});
  const told = new Promise<ShutdownOptions>((resolve) => {
    process.on("message", (message) => {
      const word = workerMessage(message);
      if (word?.hawserWorker === "shutdown") resolve(word.options);
    });
    worker.once("disconnect", () => {
      // Or Node would end the process at once, and the clients would not be told.
      worker.exitedAfterDisconnect = true;
      resolve({});
    });
  });
  worker.send({ hawserWorker: "ready" } satisfies WorkerMessage, () => {});
  await server.shutdown(await told);
  if (process.connected) worker.disconnect();
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
}
