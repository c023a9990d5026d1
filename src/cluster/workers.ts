import process from "node:process";
import { type ShutdownOptions, shutdownOptions } from "../node/server/shutdown-options.js";
import { warnOf } from "../node/thrown-text.js";
import { WorkerProcess } from "./worker-process.js";
import {
  restartDelay,
  type WorkerCrash,
  type WorkersOptions,
  type WorkersSettings,
} from "./workers-options.js";

/** A worker that ran for so long was no failed start. */
const STABLE_AFTER_MS = 60_000;

/** Where there is always to be a worker. */
interface Place {
  worker: WorkerProcess | undefined;
  /** How many ended by themselves, one soon after the other. */
  crashes: number;
  restartTimer: NodeJS.Timeout | undefined;
}

/** The workers of this process, which is the primary. Made by `startWorkers`. */
export class Workers {
  readonly #settings: WorkersSettings;
  readonly #crashed: WorkersOptions["crashed"];
  readonly #places: readonly Place[];
  /** Those that take a place or leave it, too. */
  readonly #processes = new Set<WorkerProcess>();
  #restart: Promise<void> | undefined = undefined;
  #shutdown: Promise<void> | undefined = undefined;

  /** @internal Use `startWorkers`. */
  constructor(settings: WorkersSettings, crashed: WorkersOptions["crashed"]) {
    this.#settings = settings;
    this.#crashed = crashed;
    this.#places = Array.from({ length: settings.count }, () => ({
      worker: undefined,
      crashes: 0,
      restartTimer: undefined,
    }));
    for (const signal of settings.signals) process.on(signal, this.#onSignal);
  }

  /** The processes that are ready to serve. */
  get pids(): readonly number[] {
    return this.#places.flatMap(({ worker }) => (worker?.isReady && !worker.isEnding ? [worker.pid] : []));
  }

  /** @internal Starts them all, or none. */
  async start(): Promise<void> {
    try {
      await Promise.all(
        this.#places.map(async (place) => {
          const worker = this.#fork();
          await worker.ready;
          this.#take(place, worker);
        }),
      );
    } catch (error) {
      if (this.#shutdown !== undefined) return this.#shutdown; // that is what ended it
      for (const worker of this.#processes) worker.kill();
      await this.shutdown();
      throw error;
    }
  }

  /**
   * Replaces all workers, one after the other, by new ones: a new one is ready before the old one shuts down, so that the
   * port is served all the time. Resolves when the last old one is gone. A call while it goes on gets the same promise.
   *
   * @param options how the servers of the old ones end.
   * @throws {@link UsageError} `WORKER_FAILED` if a new one is never ready: the old ones that are left go on.
   * @throws {@link UsageError} as for {@link shutdown}.
   */
  restart(options: ShutdownOptions = {}): Promise<void> {
    const { drainTimeoutMs } = shutdownOptions(options);
    this.#restart ??= this.#replaceAll(options, drainTimeoutMs).finally(() => {
      this.#restart = undefined;
    });
    return this.#restart;
  }

  /**
   * Has all workers shut down their servers, as `server.shutdown(options)` does, and end. Who is not gone 2 s after
   * `drainTimeoutMs` is killed. Resolves when all are gone. A second call gets the same promise.
   *
   * @throws {@link UsageError} `CLOSE_CODE_NOT_ALLOWED`, `CLOSE_REASON_TOO_LONG`, `INVALID_OPTION`; the workers go on.
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    this.#shutdown ??= this.#end(options, shutdownOptions(options).drainTimeoutMs);
    return this.#shutdown;
  }

  /** `await using workers = await startWorkers(...)`: shuts down at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** Each time, since npm passes on what the terminal has sent to us already. */
  readonly #onSignal = (): void => void this.shutdown();

  #fork(): WorkerProcess {
    const worker = new WorkerProcess();
    this.#processes.add(worker);
    void worker.gone.then(() => this.#processes.delete(worker));
    return worker;
  }

  /** Gives a worker its place, and another one after it if it ends by itself. */
  #take(place: Place, worker: WorkerProcess): void {
    clearTimeout(place.restartTimer);
    place.worker = worker;
    void worker.gone.then(({ exitCode, signal }) => {
      if (place.worker !== worker) return; // it was replaced
      place.worker = undefined;
      if (worker.isEnding || this.#shutdown !== undefined) return;
      const wasStable = performance.now() - worker.startedAtMs > STABLE_AFTER_MS;
      place.crashes = wasStable ? 1 : place.crashes + 1;
      const restartInMs =
        place.crashes > this.#settings.maxRestarts ? undefined : restartDelay(this.#settings, place.crashes);
      if (restartInMs !== undefined) {
        place.restartTimer = setTimeout(() => this.#take(place, this.#fork()), restartInMs);
      }
      this.#tell({ pid: worker.pid, exitCode, signal, restartInMs });
    });
  }

  #tell(crash: WorkerCrash): void {
    if (this.#crashed !== undefined) {
      try {
        this.#crashed(crash);
      } catch (error) {
        warnOf(error); // the workers are not to go down with the one who watches them
      }
      return;
    }
    const { pid, exitCode, signal, restartInMs } = crash;
    const next =
      restartInMs === undefined ? "there were too many, and no other is started" : "another is started";
    process.emitWarning(`worker ${pid} ended with ${signal ?? exitCode}; ${next}`, { code: "HAWSER_WORKER" });
  }

  async #replaceAll(options: ShutdownOptions, drainTimeoutMs: number): Promise<void> {
    for (const place of this.#places) {
      if (this.#shutdown !== undefined) return;
      const worker = this.#fork();
      try {
        await worker.ready;
      } catch (error) {
        if (this.#shutdown !== undefined) return; // that is what ended it
        throw error;
      }
      const old = place.worker;
      this.#take(place, worker);
      place.crashes = 0;
      await old?.end(options, drainTimeoutMs);
    }
  }

  async #end(options: ShutdownOptions, drainTimeoutMs: number): Promise<void> {
    for (const { restartTimer } of this.#places) clearTimeout(restartTimer);
    await Promise.all([...this.#processes].map((worker) => worker.end(options, drainTimeoutMs)));
    for (const signal of this.#settings.signals) process.off(signal, this.#onSignal);
  }
}
