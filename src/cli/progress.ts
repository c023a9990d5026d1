import process from "node:process";
import type { CaseResult, Verdict } from "hawser/conformance";

const COLOURS: Readonly<Record<Verdict, number>> = {
  pass: 32,
  "non-strict": 33,
  unimplemented: 90,
  fail: 31,
};
const BAR_WIDTH = 30;

/**
 * Shows how far a run has come, on standard error: one line that changes on a terminal, else a line for each case that
 * did not pass. What did not pass is listed either way.
 */
export class Progress {
  readonly #isLive: boolean = process.stderr.isTTY === true;
  #done = 0;
  #failed = 0;

  /** Counts a case. */
  add({ id, verdict, expectation, reason }: CaseResult, total: number, agent?: string): void {
    this.#done++;
    if (verdict === "fail") {
      this.#failed++;
      this.#clear();
      const who = agent === undefined ? "" : `${agent}: `;
      process.stderr.write(`${who}${this.#coloured("fail", verdict)} ${id} ${expectation}\n     ${reason}\n`);
    }
    if (!this.#isLive) return;
    const filled = Math.round((Math.min(this.#done, total) / Math.max(total, 1)) * BAR_WIDTH);
    const bar = `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
    const failures = this.#failed === 0 ? "" : `, ${this.#coloured(`${this.#failed} failed`, "fail")}`;
    process.stderr.write(`\r\x1b[K${bar} ${this.#done}/${total} ${id}${failures}`);
  }

  /** Ends the line that changes. */
  end(): void {
    this.#clear();
    this.#done = 0;
    this.#failed = 0;
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
