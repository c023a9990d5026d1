import type { ShutdownOptions } from "../node/server/shutdown-options.js";

/** What a worker and the primary say to each other. */
export type WorkerMessage =
  /** The worker has a server, and follows the primary. */
  | { readonly hawserWorker: "ready" }
  /** The primary: end your server, and yourself. */
  | { readonly hawserWorker: "shutdown"; readonly options: ShutdownOptions };

/** A message as it comes out of the channel, if it is one of these: others send over it, too. */
export function workerMessage(message: unknown): WorkerMessage | undefined {
  if (typeof message !== "object" || message === null || !("hawserWorker" in message)) return undefined;
  return message as WorkerMessage;
}
