import { type ChildProcess, spawn } from "node:child_process";
import { type Part, pinned } from "./pinning.js";

const ANSWER_TIMEOUT_MS = 120_000;

/** A process that takes part in a benchmark, and talks to the runner. */
export class BenchProcess {
  readonly #child: ChildProcess;
  readonly #messages: unknown[] = [];
  #waiter: { resolve(message: unknown): void; reject(error: Error): void } | undefined;
  #end: Error | undefined;

  constructor(part: Part, command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [program = "", ...programArguments] = pinned(part, command);
    this.#child = spawn(program, programArguments, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, ...env },
    });
    this.#child.on("message", (message) => {
      const waiter = this.#waiter;
      this.#waiter = undefined;
      if (waiter === undefined) this.#messages.push(message);
      else waiter.resolve(message);
    });
    const ended = (reason: string): void => {
      this.#end ??= new Error(`${command.slice(0, 3).join(" ")}: ${reason}`);
      this.#waiter?.reject(this.#end);
    };
    this.#child.on("error", (error) => ended(error.message));
    this.#child.on("exit", (code, signal) => ended(`ended with ${signal ?? code}`));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The next message of the process. */
  async next<T>(): Promise<T> {
    if (this.#messages.length > 0) return this.#messages.shift() as T;
    if (this.#end !== undefined) throw this.#end;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#waiter = { resolve: resolve as (message: unknown) => void, reject };
        timer = setTimeout(() => reject(new Error("a process did not answer in time")), ANSWER_TIMEOUT_MS);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  say(message: string): void {
    if (this.#child.connected) this.#child.send(message);
  }

  ask<T>(question: string): Promise<T> {
    this.say(question);
    return this.next<T>();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined)
      return;
    const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.kill("SIGKILL");
    await gone;
  }
}
