import { performance } from "node:perf_hooks";
import { TimerWheel, type TimerWheelEntry } from "../core/timer-wheel.js";

/** Fine enough for deadlines of a second, coarse enough that ten thousand connections share a wake-up. */
const TICK_MS = 50;

let timer: NodeJS.Timeout | undefined;
let timerAtMs = Infinity;
const wheel = new TimerWheel(performance.now(), TICK_MS);

/** A monotonic clock in ms. */
export function nowMs(): number {
  return performance.now();
}

/** Calls `entry.onDeadline` at `deadlineMs`, or up to a tick later; replaces what was scheduled for it. */
export function schedule(entry: TimerWheelEntry, deadlineMs: number): void {
  wheel.set(entry, deadlineMs);
  arm();
}

/** Takes `entry` off the clock. */
export function unschedule(entry: TimerWheelEntry): void {
  wheel.remove(entry);
  if (wheel.size === 0) disarm();
}

/** One timer for all, at the next slot that is not empty. It does not keep the process alive: sockets do. */
function arm(): void {
  const nextMs = wheel.nextMs();
  if (nextMs >= timerAtMs) return;
  disarm();
  if (nextMs === Infinity) return;
  timerAtMs = nextMs;
  timer = setTimeout(tick, Math.max(1, nextMs - performance.now()));
  timer.unref();
}

function disarm(): void {
  clearTimeout(timer);
  timer = undefined;
  timerAtMs = Infinity;
}

/**
 * Timers run before sockets are read. After a process stood still (a debugger, a machine that slept, no CPU to be had) the answers
 * that came meanwhile are not read yet when the deadline for them is due, so the deadlines wait until they are.
 */
function tick(): void {
  timer = undefined;
  timerAtMs = Infinity;
  setImmediate(advance);
}

function advance(): void {
  try {
    wheel.advance(performance.now());
  } finally {
    arm(); // whatever came of one of them, the others have theirs
  }
}
