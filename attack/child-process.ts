import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

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
