import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { pinned } from "./cores.js";

/** A program of the comparison that runs beside this one, and answers questions. */
export class ProcessLink<Answer> {
  readonly #child: ChildProcess;
  readonly #answers: Answer[] = [];
  #waiter: (() => void) | undefined;
  #isGone = false;

  /** @param isMeasured whether it has the first core, and what drives it the second. */
  constructor(program: string, settings: unknown, isMeasured: boolean) {
    const [command = "", ...rest] = pinned(isMeasured, [
      process.execPath,
      "--expose-gc",
      program,
      JSON.stringify(settings),
    ]);
    this.#child = spawn(command, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (answer) => {
      this.#answers.push(answer as Answer);
      this.#waiter?.();
    });
    this.#child.on("exit", () => {
      this.#isGone = true;
      this.#waiter?.();
    });
  }

  /** What it says next. */
  async answer(): Promise<Answer> {
    while (this.#answers.length === 0) {
      if (this.#isGone) throw new Error("a program of the comparison ended before it was asked to");
      await new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
    }
    return this.#answers.shift()!;
  }

  /** Asks, and gives the answer. */
  ask(question: unknown): Promise<Answer> {
    this.#child.send(question as never);
    return this.answer();
  }

  async end(): Promise<void> {
    if (this.#isGone) return;
    const gone = once(this.#child, "exit");
    this.#child.disconnect();
    await gone;
  }
}
