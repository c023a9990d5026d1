import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { projectPath } from "#scripts/project-root.js";
import { testCertificate } from "../../support/certificate.js";
import { MAX_MESSAGE_BYTES } from "../limits.js";
import type { Payload, Received } from "../payload.js";
import type { Closed, End, EndOptions, Peer } from "../peer.js";

/** Python's `websockets`, in a process of its own. */
export class PythonWebsockets implements Peer {
  readonly name = "Python's websockets";
  readonly abilities: Peer["abilities"] = new Set([
    "fragments",
    "pings",
    "any-close-code",
    "terminate",
    "tls",
    "deflate",
    "deflate-parameters",
  ]);
  readonly #python: string;
  #process: ChildProcessByStdio<Writable, Readable, null> | undefined;
  readonly #calls = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  /** @param python the path of an interpreter that has the library. */
  constructor(python: string) {
    this.#python = python;
  }

  async start(): Promise<void> {
    this.#process = spawn(this.#python, [projectPath("test", "interop", "python", "peer.py")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#answered(line));
    this.#process.on("exit", (code, signal) => {
      for (const { reject } of this.#calls.values()) reject(new Error(`Python ended: ${signal ?? code}`));
    });
  }

  async stop(): Promise<void> {
    if (this.#process === undefined) return;
    const exit = once(this.#process, "exit");
    this.#process.stdin.end();
    await exit;
  }

  async connect(url: string, options: EndOptions): Promise<End> {
    return this.#end(await this.#call("connect", { url, ...settings(options) }));
  }

  async serve(options: EndOptions): Promise<{ url: string; accept(): Promise<End>; stop(): Promise<void> }> {
    const { server, port } = (await this.#call("serve", settings(options))) as {
      server: number;
      port: number;
    };
    return {
      url: `${options.isSecure ? "wss" : "ws"}://127.0.0.1:${port}`,
      accept: async () => this.#end(await this.#call("accept", { server })),
      stop: async () => void (await this.#call("stop", { server })),
    };
  }

  #end(opened: unknown): End {
    const { end, ...agreed } = opened as { end: number; protocol: string; extensions: string };
    const call = (op: string, parameters = {}): Promise<unknown> => this.#call(op, { end, ...parameters });
    return {
      ...agreed,
      send: async (...messages: readonly Payload[]) => void (await call("send", { messages })),
      sendFragments: async (pieces) => void (await call("sendFragments", { pieces })),
      receive: async (count) => (await call("receive", { count })) as Received[],
      ping: async (payload) => void (await call("ping", { payload })),
      receivePing: () => Promise.reject(new Error("websockets does not tell of pings")),
      close: async (code = 1000, reason = "") => void (await call("close", { code, reason })),
      terminate: async () => void (await call("terminate")),
      closed: async () => (await call("closed")) as Closed,
    };
  }

  #call(op: string, parameters: object): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#process?.stdin.write(`${JSON.stringify({ id, op, ...parameters })}\n`);
    });
  }

  #answered(line: string): void {
    const { id, result, error } = JSON.parse(line) as { id: number; result: unknown; error?: string };
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error));
  }
}

function settings({ protocols, deflate, isSecure }: EndOptions): object {
  return {
    protocols,
    deflate: deflate ?? null,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    tls: isSecure ? testCertificate() : null,
  };
}
