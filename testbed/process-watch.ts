import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** What a process holds. */
export interface ProcessSample {
  readonly rss: number;
  readonly heapUsed: number;
  /** Memory outside of the heap that objects of it hold: buffers, zlib. */
  readonly external: number;
  /** Open descriptors; 0 where the system does not tell. */
  readonly descriptors: number;
  /** Handles of TCP connections. */
  readonly sockets: number;
  /** Timers that were set by JavaScript and neither fired nor were cleared, unref'ed ones among them. */
  readonly timers: number;
}

/** A {@link ProcessSample} with what happened since the last {@link ProcessWatch.begin}. */
export interface ProcessReport extends ProcessSample {
  readonly peakRss: number;
  readonly peakHeapAndExternal: number;
  readonly peakSockets: number;
  /** Event-loop delay in ms. */
  readonly loopP50Ms: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  /** What reached `uncaughtException`, `unhandledRejection` and `warning`, since the process began. */
  readonly uncaught: readonly string[];
  readonly warnings: readonly string[];
}

const SAMPLE_EVERY_MS = 25;

/**
 * Watches the own process. Make it before modules are imported whose timers are to be counted: it takes the place of
 * `setTimeout`, `setInterval` and what clears them.
 */
export class ProcessWatch {
  readonly #timers = new Set<unknown>();
  readonly #loop = monitorEventLoopDelay({ resolution: 5 });
  readonly #uncaught: string[] = [];
  readonly #warnings: string[] = [];
  #peakRss = 0;
  #peakHeapAndExternal = 0;
  #peakSockets = 0;

  constructor() {
    const sampler = setInterval(() => this.#notePeak(), SAMPLE_EVERY_MS); // before timers are counted
    sampler.unref();
    this.#countTimers();
    this.#loop.enable();
    process.on("uncaughtException", (error) => this.#uncaught.push(String(error.stack ?? error)));
    process.on("unhandledRejection", (reason) => this.#uncaught.push(`rejection: ${String(reason)}`));
    process.on("warning", (warning) => this.#warnings.push(String(warning)));
    this.begin();
  }

  /** From here on peaks and delays count. */
  begin(): void {
    this.#loop.reset();
    this.#peakRss = 0;
    this.#peakHeapAndExternal = 0;
    this.#peakSockets = 0;
    this.#notePeak();
  }

  /** With `gc`, garbage is collected before; that takes `--expose-gc`. */
  sample(gc: boolean): ProcessSample {
    if (gc) for (let i = 0; i < 2; i++) globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    return {
      rss,
      heapUsed,
      external,
      descriptors: descriptors(),
      sockets: sockets(),
      timers: this.#timers.size,
    };
  }

  report(gc: boolean): ProcessReport {
    this.#notePeak();
    const loopMs = (percentile: number): number => this.#loop.percentile(percentile) / 1e6;
    return {
      ...this.sample(gc),
      peakRss: this.#peakRss,
      peakHeapAndExternal: this.#peakHeapAndExternal,
      peakSockets: this.#peakSockets,
      loopP50Ms: loopMs(50),
      loopP99Ms: loopMs(99),
      loopMaxMs: this.#loop.max / 1e6,
      uncaught: this.#uncaught,
      warnings: this.#warnings,
    };
  }

  #notePeak(): void {
    const { rss, heapUsed, external } = process.memoryUsage();
    this.#peakRss = Math.max(this.#peakRss, rss);
    this.#peakHeapAndExternal = Math.max(this.#peakHeapAndExternal, heapUsed + external);
    this.#peakSockets = Math.max(this.#peakSockets, sockets());
  }

  #countTimers(): void {
    const timers = this.#timers;
    const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
    const countedTimeout = (
      call: (...values: unknown[]) => void,
      ms?: number,
      ...values: unknown[]
    ): unknown => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        call(...values);
      }, ms);
      timers.add(timer);
      return timer;
    };
    const countedInterval = (
      call: (...values: unknown[]) => void,
      ms?: number,
      ...values: unknown[]
    ): unknown => {
      const timer = setInterval(call, ms, ...values);
      timers.add(timer);
      return timer;
    };
    const clear = (timer: NodeJS.Timeout | undefined): void => {
      timers.delete(timer);
      clearTimeout(timer);
      clearInterval(timer);
    };
    Object.assign(globalThis, {
      setTimeout: countedTimeout,
      setInterval: countedInterval,
      clearTimeout: clear,
      clearInterval: clear,
    });
  }
}

function sockets(): number {
  let count = 0;
  for (const resource of process.getActiveResourcesInfo()) if (resource === "TCPSocketWrap") count++;
  return count;
}

function descriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length - 1; // without the one that reads the directory
  } catch {
    return 0;
  }
}
