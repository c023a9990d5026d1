import process from "node:process";
import type { CaseResult, Verdict } from "hawser/conformance";
import { printable } from "./printable.js";

const COLOURS: Readonly<Record<Verdict, number>> = {
  pass: 32,
  "non-strict": 33,
  unimplemented: 90,
  fail: 31,
};
const BAR_WIDTH = 30;
const LIVE_INTERVAL_MS = 1_000;
/** Often enough to see that a log is alive, and not to fill it. */
const LOG_INTERVAL_MS = 10_000;
/** Below this nobody wants to know which case is running. */
const LONG_CASE_S = 2;

/** How far the run of one agent has come. */
interface Run {
  done: number;
  failed: number;
  /** The cases that are running, and since when. */
  readonly running: Map<string, number>;
}

/**
 * Shows how far a run has come, on standard error: one line that changes on a terminal, else a line now and then. The
 * cases that fail are listed either way.
 */
export class Progress {
  readonly #isLive: boolean = process.stderr.isTTY === true;
  readonly #total: number;
  readonly #runs = new Map<string, Run>();
  readonly #timer: NodeJS.Timeout;
  #latest = "";

  /** For runs of so many cases each. */
  constructor(total: number) {
    this.#total = total;
    const interval = this.#isLive ? LIVE_INTERVAL_MS : LOG_INTERVAL_MS;
    this.#timer = setInterval(() => this.#tick(), interval).unref();
  }

  /** Notes that a case has begun. */
  start(id: string, agent: string): void {
    this.#run(agent).running.set(id, performance.now());
  }

  /** Counts a case. */
  add({ id, verdict, expectation, reason }: CaseResult, agent: string): void {
    const run = this.#run(agent);
    run.done++;
    run.running.delete(id);
    if (verdict === "fail") {
      run.failed++;
      this.#clear();
      const who = this.#runs.size > 1 ? `${printable(agent)}: ` : "";
      process.stderr.write(
        `${who}${this.#coloured("fail", verdict)} ${id} ${expectation}\n     ${printable(reason)}\n`,
      );
    }
    if (this.#isLive) this.#draw();
  }

  /** Ends the run of an agent. */
  end(agent: string): void {
    this.#clear();
    this.#runs.delete(agent);
  }

  /** Ends all of it. */
  stop(): void {
    this.#clear();
    clearInterval(this.#timer);
  }

  #run(agent: string): Run {
    let run = this.#runs.get(agent);
    if (run === undefined) {
      run = { done: 0, failed: 0, running: new Map() };
      this.#runs.set(agent, run);
    }
    this.#latest = agent;
    return run;
  }

  #tick(): void {
    if (this.#isLive) {
      this.#draw();
      return;
    }
    for (const [agent, run] of this.#runs) {
      const failures = run.failed === 0 ? "" : `, ${run.failed} failed`;
      process.stderr.write(
        `${printable(agent)}: ${run.done} of ${this.#total} cases${failures}${longWords(run)}\n`,
      );
    }
  }

  #draw(): void {
    const run = this.#runs.get(this.#latest);
    if (run === undefined) return;
    const filled = Math.round((Math.min(run.done, this.#total) / Math.max(this.#total, 1)) * BAR_WIDTH);
    const bar = `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
    const who = this.#runs.size > 1 ? ` ${printable(this.#latest)}` : "";
    const failures = run.failed === 0 ? "" : `, ${this.#coloured(`${run.failed} failed`, "fail")}`;
    process.stderr.write(`\r\x1b[K${bar}${who} ${run.done}/${this.#total}${failures}${longWords(run)}`);
  }

  #clear(): void {
    if (this.#isLive) process.stderr.write("\r\x1b[K");
  }

  #coloured(text: string, verdict: Verdict): string {
    return this.#isLive && process.env["NO_COLOR"] === undefined
      ? `\x1b[${COLOURS[verdict]}m${text}\x1b[0m`
      : text;
  }
}

/** The case that has run longest, once it is long: `; 12.1.9 for 14 s, and 3 more`. */
function longWords({ running }: Run): string {
  const [first] = running;
  const seconds = first === undefined ? 0 : (performance.now() - first[1]) / 1_000;
  if (first === undefined || seconds < LONG_CASE_S) return "";
  const more = running.size === 1 ? "" : `, and ${running.size - 1} more`;
  return `; ${first[0]} for ${Math.round(seconds)} s${more}`;
}
