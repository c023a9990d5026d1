import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { projectPath } from "#scripts/project-root.js";
import { Inbox, PATIENCE_MS } from "../support/inbox.js";
import { withTimeout } from "../support/with-timeout.js";
import type { ProgramSettings, Question, Said } from "./cluster-program.js";

const PROGRAM = projectPath("build", "test", "cluster", "cluster-program.js");

/** A primary with its workers, in processes of their own. */
export class ClusterProgram {
  readonly primary: ChildProcess;
  readonly said = new Inbox<Said>("word of the primary");
  /** One for each worker, as soon as its process runs. */
  readonly online = new Inbox<true>("worker that runs");
  readonly crashes = new Inbox<unknown>("crash of a worker");
  readonly warnings = new Inbox<string>("warning of the primary");
  readonly exit: Promise<[number | null, string | null]>;

  /** Those that did not end yet. */
  static readonly running: Set<ClusterProgram> = new Set();

  private constructor(settings: ProgramSettings, execPath: string) {
    this.primary = fork(PROGRAM, [JSON.stringify(settings)], { execPath, execArgv: [] });
    this.exit = once(this.primary, "exit") as Promise<[number | null, string | null]>;
    this.primary.on("message", (said: Said) => {
      if (said.event === "online") this.online.push(true);
      else if (said.event === "crashed") this.crashes.push(said.value);
      else if (said.event === "warning") this.warnings.push(String(said.value));
      else this.said.push(said);
    });
  }

  /** Starts it, and waits for its first word. */
  static async start(
    settings: ProgramSettings = {},
    execPath: string = process.execPath,
  ): Promise<{ readonly program: ClusterProgram; readonly first: Said }> {
    const program = new ClusterProgram({ ...settings, workers: { count: 2, ...settings.workers } }, execPath);
    ClusterProgram.running.add(program);
    void program.exit.then(() => ClusterProgram.running.delete(program));
    return { program, first: await program.said.next() };
  }

  tell(question: Question): void {
    this.primary.send(question);
  }

  async ask<T>(question: Question): Promise<T> {
    this.tell(question);
    return (await this.said.next()).value as T;
  }

  /** How the primary ended. */
  ended(): Promise<[number | null, string | null]> {
    return withTimeout(this.exit, PATIENCE_MS, "the end of the primary");
  }
}

/** Whether there is such a process. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
