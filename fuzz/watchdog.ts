import { Worker } from "node:worker_threads";

/** What the main thread tells the watchdog, as indices of an Int32Array. */
export const HEARTBEAT = { target: 0, execution: 1 } as const;

/** Given to the thread in `watchdog-thread.ts`. */
export interface WatchdogData {
  readonly shared: SharedArrayBuffer;
  readonly targets: readonly string[];
  readonly seed: number;
}

/** Notices an execution that never ends, from another thread: the one that runs it cannot. */
export class Watchdog {
  readonly #beats = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  constructor(targets: readonly string[], seed: number) {
    const workerData: WatchdogData = { shared: this.#beats.buffer as SharedArrayBuffer, targets, seed };
    this.#worker = new Worker(new URL("./watchdog-thread.js", import.meta.url), { workerData });
    this.#worker.unref();
  }

  /** Another execution begins. */
  beat(target: number, execution: number): void {
    Atomics.store(this.#beats, HEARTBEAT.target, target);
    Atomics.store(this.#beats, HEARTBEAT.execution, execution);
  }

  /** Looks no longer. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
