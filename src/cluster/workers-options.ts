import { availableParallelism } from "node:os";
import { cannotBe } from "../core/cannot-be.js";
import { UsageError } from "../core/hawser-error.js";

/** What {@link startWorkers} can be told. */
export interface WorkersOptions {
  /** How many workers. Default `os.availableParallelism()`: one for each core that the process may use. */
  readonly count?: number | undefined;
  /**
   * How long to wait in ms before a worker that ended by itself is replaced; twice as long each time, up to 30 s, until
   * one has run for a minute. Default 100 ms: its clients are back in a moment, and a worker that cannot live does not
   * keep a core busy.
   */
  readonly restartDelayMs?: number | undefined;
  /**
   * How many workers in a row may end by themselves, none of which ran for a minute, until their place stays empty.
   * Default 10: within a minute and a half it is plain that it is no accident.
   */
  readonly maxRestarts?: number | undefined;
  /**
   * The signals on which the primary shuts down. Default `SIGINT` and `SIGTERM`: what a terminal, a container and a service
   * manager send, and a primary has nothing else to do with them. An empty list leaves them to you.
   */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
  /**
   * Told when a worker ended although nobody asked it to, for logs. Default none: then it is a warning of the process.
   */
  readonly crashed?: ((crash: WorkerCrash) => void) | undefined;
}

/** A worker that ended by itself. */
export interface WorkerCrash {
  /** The process that was. */
  readonly pid: number;
  /** Its exit code; null if a signal ended it. */
  readonly exitCode: number | null;
  /** The signal that ended it; null if it ended itself. */
  readonly signal: NodeJS.Signals | null;
  /** When another one is started in its place; undefined if none is, since that was the last of `maxRestarts`. */
  readonly restartInMs: number | undefined;
}

/** The longest that a timer of ours waits before it tries again. */
const MAX_RESTART_DELAY_MS = 30_000;

/** @internal The options with their defaults. */
export type WorkersSettings = {
  readonly [Name in Exclude<keyof WorkersOptions, "crashed">]-?: NonNullable<WorkersOptions[Name]>;
};

/**
 * @internal Fills in the defaults.
 * @throws {@link UsageError} `INVALID_OPTION`.
 */
export function workersSettings(options: WorkersOptions): WorkersSettings {
  const {
    count = availableParallelism(),
    restartDelayMs = 100,
    maxRestarts = 10,
    signals = ["SIGINT", "SIGTERM"],
  } = options;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new UsageError("INVALID_OPTION", `count must be a whole number above 0, not ${String(count)}`);
  }
  if (!(restartDelayMs >= 0 && restartDelayMs <= MAX_RESTART_DELAY_MS)) {
    throw new UsageError(
      "INVALID_OPTION",
      `restartDelayMs must be from 0 to 30,000, not ${String(restartDelayMs)}`,
    );
  }
  if (!(maxRestarts >= 0)) {
    throw cannotBe("INVALID_OPTION", "maxRestarts", maxRestarts);
  }
  return { count, restartDelayMs, maxRestarts, signals };
}

/** @internal How long to wait after so many crashes in a row. */
export function restartDelay({ restartDelayMs }: WorkersSettings, crashes: number): number {
  return Math.min(restartDelayMs * 2 ** (crashes - 1), MAX_RESTART_DELAY_MS);
}
