import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PATIENCE_MS } from "../support/inbox.js";
import { withTimeout } from "../support/with-timeout.js";

const ASK_AGAIN_MS = 500;

export interface RealProgramOptions {
  readonly program: string;
  /** Given the temporary folder. */
  readonly programArguments: (directory: string) => readonly string[];
  /** What to write there first, by path. */
  readonly files: (directory: string) => Readonly<Record<string, string>>;
  /** It has started when it listens on all of these. */
  readonly ports: readonly number[];
}

/** A program of the system that a test runs, in a temporary folder. Nothing is left of it after {@link end}. */
export class RealProgram {
  readonly directory: string;
  readonly #process: ChildProcess;
  #said = "";

  private constructor({ program, programArguments, files }: RealProgramOptions) {
    this.directory = mkdtempSync(join(tmpdir(), "hawser-"));
    for (const [path, text] of Object.entries(files(this.directory))) this.write(path, text);
    // Should the test be killed, the program goes with it.
    const wrapped = ["--pdeathsig", "SIGTERM", program, ...programArguments(this.directory)];
    this.#process = spawn("setpriv", wrapped, {
      cwd: this.directory,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.on("data", (text) => {
        this.#said += text;
      });
    this.#process.on("error", (error) => {
      this.#said += error.message;
    });
  }

  /** Resolves when it listens. */
  static async start(options: RealProgramOptions): Promise<RealProgram> {
    const started = new RealProgram(options);
    try {
      const givesUpAt = performance.now() + PATIENCE_MS;
      for (const port of options.ports) {
        while (!(await isListening(port))) {
          if (!started.isRunning || performance.now() > givesUpAt)
            throw new Error(`${options.program} does not listen on ${port}: ${started.#said}`);
          await delay(5);
        }
      }
    } catch (error) {
      await started.end();
      throw error;
    }
    return started;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Everything it printed. */
  get said(): string {
    return this.#said;
  }

  /** Writes a file of its folder. */
  write(path: string, text: string): void {
    const full = join(this.directory, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /**
   * Ends it, by its process id, and removes the folder. It is asked again and again: tinyproxy forgets one request in some
   * hundreds, the one that comes after it has looked whether there is one and before it waits for connections.
   */
  async end(): Promise<void> {
    if (this.isRunning && this.#process.pid !== undefined) {
      const exited = once(this.#process, "exit");
      this.#process.kill("SIGTERM");
      const again = setInterval(() => this.#process.kill("SIGTERM"), ASK_AGAIN_MS);
      try {
        await withTimeout(exited, PATIENCE_MS, "the end of a program");
      } finally {
        clearInterval(again);
      }
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
