import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ServerAddress, ServerCommand, ServerReport, ServerSetup } from "./attacked-server.js";

/** How long a process may take to answer, however busy it is kept. */
const ANSWER_TIMEOUT_MS = 60_000;

const canPin = spawnSync("taskset", ["-V"]).status === 0;

/** Starts a program of this directory that talks by messages, on one core if that is wanted and can be done. */
export function startProcess(file: string, values: readonly string[], core?: number): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), values, { execArgv: ["--expose-gc"] });
  if (core !== undefined && canPin) spawnSync("taskset", ["-a", "-cp", String(core), String(child.pid)]);
  return child;
}

/** The next message of a process. */
export function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
    };
    const onMessage = (message: unknown): void => {
      end();
      resolve(message as T);
    };
    const onExit = (code: number | null): void => {
      end();
      reject(new Error(`the process ended with ${String(code)}`));
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error("the process does not answer"));
    }, ANSWER_TIMEOUT_MS);
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

/** The server process, as the one who runs an attack sees it. */
export class ServerHandle {
  readonly #child: ChildProcess;
  readonly address: ServerAddress;

  private constructor(child: ChildProcess, address: ServerAddress) {
    this.#child = child;
    this.address = address;
  }

  static async start(setup: ServerSetup, core?: number): Promise<ServerHandle> {
    const child = startProcess("attacked-server.js", [JSON.stringify(setup)], core);
    return new ServerHandle(child, await answerOf<ServerAddress>(child));
  }

  ask(command: "report" | "settled report"): Promise<ServerReport> {
    return this.#ask<ServerReport>(command);
  }

  async begin(): Promise<void> {
    await this.#ask<string>("begin");
  }

  /** Shuts the server down; resolves with whether its process then ended by itself, with 0. */
  async shutdown(): Promise<boolean> {
    const exit = once(this.#child, "exit", { signal: AbortSignal.timeout(10_000) });
    this.#child.send("shutdown" satisfies ServerCommand);
    try {
      const [code] = (await exit) as [number | null];
      return code === 0;
    } catch {
      this.#child.kill("SIGKILL");
      return false;
    }
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }

  #ask<T>(command: ServerCommand): Promise<T> {
    const answer = answerOf<T>(this.#child);
    this.#child.send(command);
    return answer;
  }
}
