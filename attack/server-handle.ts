import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { ServerAddress, ServerCommand, ServerReport, ServerSetup } from "./attacked-server.js";
import { answerOf, startProcess } from "./child-process.js";

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
