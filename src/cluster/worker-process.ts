import cluster, { type Worker } from "node:cluster";
import { UsageError } from "../core/hawser-error.js";
import type { ShutdownOptions } from "../node/server/shutdown-options.js";
import { type WorkerMessage, workerMessage } from "./worker-message.js";

/** How a process ended. */
export interface WorkerExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a worker needs to end behind its server, before it is killed. */
const KILL_GRACE_MS = 2_000;

/** One worker, from its fork to its end. */
export class WorkerProcess {
  readonly #worker: Worker;
  /** Resolves when it has a server that follows; rejects if it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when the process is gone. */
  readonly gone: Promise<WorkerExit>;
  readonly startedAtMs: number = performance.now();
  #isReady = false;
  #isEnding = false;
  #killTimer: NodeJS.Timeout | undefined;

  constructor() {
    const worker = cluster.fork();
    this.#worker = worker;
    this.gone = new Promise((resolve) => {
      worker.once("exit", (exitCode: number | null, signal: string | null) => {
        clearTimeout(this.#killTimer);
        resolve({ exitCode, signal: signal as NodeJS.Signals | null });
      });
      // The system could not start it: there is no `exit` then.
      worker.once("error", () => {
        if (worker.process.pid === undefined) resolve({ exitCode: null, signal: null });
      });
    });
    this.ready = new Promise((resolve, reject) => {
      worker.on("message", (message: unknown) => {
        if (workerMessage(message)?.hawserWorker !== "ready") return;
        this.#isReady = true;
        resolve();
      });
      void this.gone.then(({ exitCode, signal }) =>
        reject(
          new UsageError("WORKER_FAILED", `a worker ended with ${signal ?? exitCode} before it was ready`),
        ),
      );
    });
    this.ready.catch(() => {}); // who starts it hears of `gone`, too
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Whether it was told to end. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Has it shut down its server and end; kills it when it takes too long. */
  async end(options: ShutdownOptions, drainTimeoutMs: number): Promise<void> {
    if (!this.#isEnding) {
      this.#isEnding = true;
      if (this.#isReady && this.#worker.isConnected()) {
        this.#worker.send({ hawserWorker: "shutdown", options } satisfies WorkerMessage, () => {});
      } else {
        this.#worker.process.kill("SIGTERM"); // it serves nobody yet
      }
      if (drainTimeoutMs !== Infinity) {
        this.#killTimer = setTimeout(() => this.kill(), drainTimeoutMs + KILL_GRACE_MS);
      }
    }
    await this.gone;
  }

  /** Ends it at once. */
  kill(): void {
    this.#isEnding = true;
    this.#worker.process.kill("SIGKILL");
  }
}
