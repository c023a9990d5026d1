import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { withTimeout } from "../support/with-timeout.js";

const SCRIPT = new URL("../../examples/chat/server.js", import.meta.url).pathname;

const OUTPUT_TIMEOUT_MS = 20_000;
const EXIT_TIMEOUT_MS = 10_000;

/** How a process ended, and what it wrote. */
export interface Ending {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

/** The demo, as `npm start` runs it after the build, in a process of its own. */
export class DemoServer {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #output = "";
  #errors = "";

  private constructor(environment: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [SCRIPT], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#exited = once(this.#child, "exit");
    this.#child.stdout?.on("data", (text) => (this.#output += text));
    this.#child.stderr?.on("data", (text) => (this.#errors += text));
  }

  /** Starts it on a free port, and waits until it says where it is. */
  static async start(environment: Readonly<Record<string, string>> = {}): Promise<DemoServer> {
    const server = new DemoServer({ PORT: "0", HOST: "127.0.0.1", ...environment });
    await server.says(/\/lab\n/);
    return server;
  }

  /** Starts it where it cannot work. */
  static run(environment: Readonly<Record<string, string>>): Promise<Ending> {
    return new DemoServer(environment).ending();
  }

  /** Where it says it is. */
  get url(): string {
    return /http:\/\/\S+/.exec(this.#output)?.[0] ?? "";
  }

  /** Waits until it has written this. */
  async says(pattern: RegExp): Promise<void> {
    const said = async (): Promise<void> => {
      while (!pattern.test(this.#output)) {
        await Promise.race([once(this.#child.stdout!, "data"), this.#ended()]);
      }
    };
    await withTimeout(said(), OUTPUT_TIMEOUT_MS, `${pattern} in the output of the demo`);
  }

  signal(name: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    this.#child.kill(name);
  }

  async ending(): Promise<Ending> {
    await withTimeout(this.#exited, EXIT_TIMEOUT_MS, "the end of the demo");
    return { exitCode: this.#child.exitCode, output: this.#output, errors: this.#errors };
  }

  async #ended(): Promise<never> {
    await this.#exited;
    throw new Error(`the demo ended: ${this.#errors}`);
  }
}
